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
import { EventSource } from './dsslang/events.ts';
import { RandomMemory } from './dsslang/memory.ts';
import { campaign, Random } from './dsslang/random.ts';
import { SpecificationSource } from './dsslang/specifications.ts';
import { Twins, type Event } from './dsslang/twins.ts';

const { seed, scale } = campaign();
const again = `repeat: REFMON_SEED=${seed} REFMON_RUNS=${scale} node --test dist/proptests/dsslang-differential.prop.test.js`;

function root(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

// ---- e1000 -----------------------------------------------------------------------------------------------------------

const engines = {
  tx: { low: 0x3800, high: 0x3804, length: 0x3808, head: 0x3810, tail: 0x3818, control: 0x400 },
  rx: { low: 0x2800, high: 0x2804, length: 0x2808, head: 0x2810, tail: 0x2818, control: 0x100 },
} as const;

/** A ring brought up the way a driver does it, now and then with one thing wrong. */
function bringUp(random: Random, twins: Twins, now: number): Event[] {
  const registers = engines[random.pick(['tx', 'rx'] as const)];
  const commands = twins.grants.filter((each) => (each.purposes & 1) !== 0 && each.length >= 128);
  const place = commands.length === 0 ? { base: 65536, length: 4096 } : random.pick(commands);
  const base = Math.ceil(place.base / 16) * 16;
  const entries = Math.max(8, Math.min(64, Math.floor((place.length - 16) / 128) * 8));
  const write = (offset: number, value: number): Event => ({
    kind: 'write', space: 0, offset, width: 4, lo: value >>> 0, hi: 0, now,
  }); // prettier-ignore
  // Mostly nothing or little is published at a time: what is published must be good, and memory is random.
  const head = random.below(entries);
  const ahead = (): number => (head + random.pick([0, 0, 0, 0, 1, 1, 2, random.below(entries)])) % entries;
  const events = [
    write(registers.control, 0),
    write(registers.low, base >>> 0),
    write(registers.high, Math.floor(base / 2 ** 32)),
    write(registers.length, entries * 16),
    write(registers.head, head),
    write(registers.tail, ahead()),
    write(registers.control, 2),
    // What a running engine does: publish a few, look how far the device is, publish more.
    write(registers.tail, ahead()),
    write(registers.tail, ahead()),
    { kind: 'report', space: 0, offset: registers.head, width: 4, lo: random.below(entries + 1), hi: 0, now },
    write(registers.tail, random.below(entries + 1)),
    { kind: 'store', address: base + random.below(entries * 16), length: random.pick([1, 16, 64]), now },
  ] satisfies Event[];
  if (random.oneIn(4)) events.splice(random.below(events.length), 1);
  return events;
}

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
      // A device starts anew; with it the grants.
      plan.push({ kind: 'reset' });
      for (let index = 1; index <= 12; index += 1)
        plan.push({
          kind: 'grant',
          address: index * 2 ** 20 * random.pick([1, 5000]),
          length: random.pick([4096, 65536, 1024]),
          purposes: random.pick([1, 3, 7, 2, 4, 6]),
        });
    }
    if (plan.length === 0 && random.oneIn(40)) plan.push(...bringUp(random, twins, source.now));
    if (twins.events % 64 === 0) memory.targets = [0, ...twins.grants.map((each) => each.base)];
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
      if (twins.events % 16 === 0) memory.targets = [0, ...twins.grants.map((each) => each.base)];
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
