/**
 * Law: the interpreter and the emitted JavaScript give the same verdict and the same state after every operation.
 *
 * Twice: over `e1000.dss`, driven deep into its states, and over random specifications. A run prints its seed;
 * `REFMON_SEED=<seed> REFMON_RUNS=<factor>` repeats and enlarges it.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile } from '../dsslang/compile.ts';
import { bringUp, startAnew } from './dsslang/bring-up.ts';
import { EventSource } from './dsslang/events.ts';
import { RandomMemory } from './dsslang/memory.ts';
import { campaign, Random } from './dsslang/random.ts';
import { SpecificationSource } from './dsslang/specifications.ts';
import type { Event } from './dsslang/event.ts';
import { Twins } from './dsslang/twins.ts';

const { seed, scale } = campaign();
const again = `repeat: REFMON_SEED=${seed} REFMON_RUNS=${scale} node --test dist/proptests/dsslang-differential.prop.test.js`;

function root(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

// ---- e1000 -----------------------------------------------------------------------------------------------------------

test('e1000: interpreter and emitted JavaScript agree after every operation', async (t) => {
  const { program } = compile(readFileSync(join(root(), 'drivers/e1000/e1000.dss'), 'utf8'), 'e1000.dss');
  assert.ok(program !== undefined);
  const random = new Random(seed);
  const memory = new RandomMemory(seed);
  const twins = await Twins.of(program, memory);
  const source = new EventSource(twins, random);
  const wanted = 600_000 * scale;
  const begun = performance.now();
  const visited = new Map<string, number>();
  const verdicts = new Set<number>();
  const plan: Event[] = [];
  while (twins.events < wanted) {
    if (twins.events % 20_000 === 0) {
      plan.push(...startAnew(random));
    }
    if (plan.length === 0 && random.oneIn(40)) plan.push(...bringUp(random, twins, source.now));
    if (twins.events % 64 === 0) memory.aim([0, ...twins.grants.map((each) => each.base)]);
    const event = plan.shift() ?? source.next();
    const difference = twins.step(event);
    assert.equal(difference, undefined, `${difference}\n${again}`);
    const states = twins.interpreted.states().join('');
    visited.set(states, (visited.get(states) ?? 0) + 1);
    verdicts.add(twins.lastVerdict);
  }
  t.diagnostic(
    `seed ${seed}: ${twins.events} operations compared, ${twins.denied} denied by ${verdicts.size - 1} different rules, ` +
      `${visited.size} of 20 combinations of states, ${Math.round(performance.now() - begun)} ms; ${again}`,
  );
  assert.ok(twins.denied < twins.events, 'something must be allowed');
  if (scale >= 1) {
    const running = [...visited]
      .filter(([states]) => states.startsWith('11'))
      .reduce((sum, [, count]) => sum + count, 0);
    assert.ok(running > 500, `both engines ran during ${running} operations only`);
    assert.ok(visited.size >= 12, `${visited.size} combinations of states`);
    assert.ok(verdicts.size > 40, `${verdicts.size} rules`);
  }
});

// ---- random specifications -------------------------------------------------------------------------------------------

test('random specifications: interpreter and emitted JavaScript agree after every operation', async (t) => {
  const specifications = Math.ceil(250 * scale);
  const perSpecification = 200;
  const begun = performance.now();
  let compiled = 0;
  let compared = 0;
  let denied = 0;
  const refused = new Map<string, number>();
  for (let index = 0; index < specifications; index += 1) {
    const random = new Random(seed + index * 7919);
    const text = new SpecificationSource(random).next();
    const { program, diagnostics } = compile(text, 'random.dss');
    if (program === undefined) {
      const errors = diagnostics.filter((each) => each.severity === 'error');
      assert.ok(errors.length > 0, `refused without a word\n${text}`);
      for (const { code } of errors) refused.set(code, (refused.get(code) ?? 0) + 1);
      continue;
    }
    compiled += 1;
    const memory = new RandomMemory(seed + index);
    const twins = await Twins.of(program, memory);
    const source = new EventSource(twins, random);
    while (twins.events < perSpecification) {
      if (twins.events % 16 === 0) memory.aim([0, ...twins.grants.map((each) => each.base)]);
      const difference = twins.step(source.next());
      assert.equal(difference, undefined, `specification ${index}: ${difference}\n${again}\n${text}`);
    }
    compared += twins.events;
    denied += twins.denied;
  }
  const codes = [...refused].map(([code, count]) => `${code} ${count}`).join(', ');
  t.diagnostic(
    `seed ${seed}: ${compiled} of ${specifications} specifications compiled (errors: ${codes || 'none'}), ` +
      `${compared} operations compared, ${denied} denied, ${Math.round(performance.now() - begun)} ms; ${again}`,
  );
  assert.ok(compiled > specifications / 2, `only ${compiled} of ${specifications} compiled`);
  // The generator knows the checker's rules: what it writes in vain is a division or a range it could not follow.
  for (const code of refused.keys()) assert.match(code, /^DSS20[46]$|^DSS218$/, `${code}; ${again}`);
});
