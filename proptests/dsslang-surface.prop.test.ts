/**
 * Law: interpreter, emitted JavaScript and compiled C give the same verdict, reason, delivered value and state after every
 * operation, for every construct that an author can write. The C is compiled with the address and undefined-behaviour
 * sanitizers, so each stream also shows that it never leaves its arrays and never overflows.
 *
 * A run prints its seed; `REFMON_SEED=<seed> REFMON_RUNS=<factor>` repeats and enlarges it.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { emitJs } from '../dsslang/index.ts';
import { load } from '../dsslang/testing.ts';
import { RandomMemory } from './dsslang/memory.ts';
import { driveGranted } from './dsslang/granted.ts';
import { hasCompiler, NativeMonitor, SANITIZERS } from './dsslang/native.ts';
import { campaign, Random } from './dsslang/random.ts';
import { Session } from './dsslang/session.ts';
import { operationsOf, surfaceSpecifications } from './dsslang/surface.ts';

const { seed, scale } = campaign();
const again = `repeat: REFMON_SEED=${seed} REFMON_RUNS=${scale} node --test dist/proptests/dsslang-surface.prop.test.js`;
const skip = hasCompiler('gcc') ? false : 'gcc is not installed; try `apt-get install gcc libc6-dev`';

/** The calculus: what the surface must reach between all of its specifications. */
const CALCULUS = [
  'require', 'note', 'clamp', 'set', 'setElement', 'fill', 'let', 'if', 'walk', 'table', 'list',
  'const', 'scalar', 'element', 'lookup', 'local', 'place', 'argument', 'descriptor', 'extract', 'add', 'sub', 'mul', 'div',
  'mod', 'and', 'or', 'xor', 'addWrap', 'subWrap', 'mulWrap', 'addSat', 'subSat', 'min', 'max', 'shiftLeft', 'shiftRight',
  'choice', 'bool', 'not', 'all', 'any', 'eq', 'ne', 'lt', 'le', 'inside', 'outsideBars',
]; // prettier-ignore

/** Where structures are looked for. */
const GRANTED = [0x1_0000, 0x4_0000, 0x1000_0000];

const specifications = surfaceSpecifications();
let [compared, denied, noted, rules] = [0, 0, 0, 0];
const begun = performance.now();

for (const [index, { name, program }] of specifications.entries()) {
  test(`${name}: interpreter, JavaScript and sanitized C agree after every operation`, { skip }, async () => {
    const native = NativeMonitor.compile(program, seed, ['-O0', ...SANITIZERS]);
    try {
      const session = new Session(program, await load(emitJs(program)), new RandomMemory(seed), true);
      driveGranted(session, new Random(seed + index * 7919), Math.ceil(6000 * scale), GRANTED);
      session.compareWith(native);
      compared += session.length;
      denied += session.denied;
      noted += session.noted;
      rules += session.verdicts.size - 1;
      assert.ok(session.denied > 0 && session.denied < session.length);
    } catch (error) {
      throw new Error(`${name}; ${again}`, { cause: error });
    } finally {
      native.dispose();
    }
  });
}

test('the surface reaches the whole calculus', { skip }, (t) => {
  const reached = new Set(specifications.flatMap(({ program }) => [...operationsOf(program)]));
  assert.deepEqual(
    CALCULUS.filter((each) => !reached.has(each)),
    [],
  );
  t.diagnostic(
    `seed ${seed}: ${specifications.length} specifications, ${compared} operations compared three ways under the sanitizers, ` +
      `${denied} denied by ${rules} rules, ${noted} allowed with a note, ${Math.round(performance.now() - begun)} ms; ${again}`,
  );
  assert.ok(noted > 0 && rules > 5 * specifications.length, `${rules} rules`);
});
