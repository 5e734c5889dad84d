/** Every named limit of a specification, at the limit and one past it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile } from '../compile.ts';
import { DIAGNOSTICS_MAX } from '../diagnostics.ts';
import { renderDiagnostics } from '../render.ts';
import { device } from '../testing.ts';
import {
  AREAS_MAX,
  ARRAY_ELEMENTS_MAX,
  MACHINES_MAX,
  REGIONS_MAX,
  REGISTER_ELEMENTS_MAX,
  REGISTERS_MAX,
  RINGS_MAX,
  SCALARS_MAX,
  STATES_MAX,
  STRUCT_BYTES_MAX,
  WINDOWS_MAX,
} from './limits.ts';
import { HANDLERS_MAX } from './guards.ts';
import { DEADLINE_US_MAX } from './interrupts.ts';
import { maxOf } from './context.ts';
import { ENGINE_ELEMENTS_MAX, ENGINE_MACHINES_MAX } from './engines.ts';
import { TABLE_ENTRIES_MAX } from './tables.ts';
import { DEADLINE_US_MAX as TIMER_US_MAX } from './time.ts';
import { RATE_MAX } from './token-bucket.ts';
import { RING_BYTES_MAX, RING_COUNT_MAX } from './rings.ts';
import { STEP_TIME_US_MAX, STEPS_MAX } from './steps.ts';

const many = (count: number | bigint, text: (index: number) => string): string =>
  Array.from({ length: Number(count) }, (_, index) => text(index)).join('\n');
const ring =
  'var base : u64 var h : u16 max 7 register R at regs+0 : u32 rw on write R(v) { for d in r[h ..< h] { require d.a != 0 "a" } }';
const states = many(1000, (index) => `s${index}`);

const limits: readonly (readonly [name: string, max: number | bigint, body: (count: bigint) => string])[] = [
  ['registers', REGISTERS_MAX, (n) => many(n, (index) => `register r${index} at regs+${index} : u8 rw`)],
  ['register elements', REGISTER_ELEMENTS_MAX, (n) => `region b = bar 1 memory 1M register r[60000] at b+0 : u8 rw register q[${n - 60000n}] at b+0x80000 : u8 rw`],
  ['regions', REGIONS_MAX - 1, (n) => many(n, (index) => `region p${index} = ports ${index} size 1`)],
  ['areas', AREAS_MAX, (n) => many(n, (index) => `area a${index} at regs+${index} size 1 : ro`)],
  ['windows', WINDOWS_MAX, (n) => `region io = bar 1 ports 4K register S at io+0 : u32 rw ${many(n, (index) => `window w${index} at io+${4 + 4 * index} : u32 into regs by S`)}`],
  ['machines', MACHINES_MAX, (n) => many(n, (index) => `machine m${index} { A }`)],
  ['states', STATES_MAX, (n) => `machine m { ${many(n, (index) => `s${index}`)} }`],
  ['variables', SCALARS_MAX, (n) => many(n, (index) => `var v${index} : u8`)],
  ['elements of arrays', ARRAY_ELEMENTS_MAX, (n) => `var a[60000] : u8 var b[${n - 60000n}] : u8`],
  ['elements of one array', ARRAY_ELEMENTS_MAX, (n) => `var a[${n}] : u8`],
  ['entries of a table', TABLE_ENTRIES_MAX, (n) => `table t[${n}] : u8 = { else 1 }`],
  ['entries of tables', TABLE_ENTRIES_MAX, (n) => `table t[60000] : u8 = { else 1 } table q[${n - 60000n}] : u8 = { else 1 }`],
  ['end of a counter', maxOf(63), (n) => `counter c modulo ${n} counter e saturating 7`],
  ['deadline', TIMER_US_MAX, (n) => `deadline e ${n}us "late"`],
  ['rate', RATE_MAX, (n) => `rate r at most ${n} per second "often"`],
  ['burst', RATE_MAX, (n) => `rate r at most 1 per second burst ${n} "often"`],
  ['elements of an engine', ENGINE_ELEMENTS_MAX, (n) => `engine q[${n}] at regs+0 stride 4 { var x : u8 register R at +0 : u32 rw }`],
  ['machines of engines', ENGINE_MACHINES_MAX, (n) => `${many(4, (index) => `engine q${index}[${index === 0 ? n - 3072n : 1024n}] at regs+0 stride 1 { machine m { A } }`)}`],
  ['steps of a sequence over all elements', STEPS_MAX, (n) => `register R[${n}] at regs+0 : u8 rw register C at regs+0x800 : u8 rw interrupt { cause C acknowledge within 1ms at most 1 per second mask { write R[all] = 0 } }`],
  ['rings', RINGS_MAX, (n) => `struct S size 8 { } var n : u8 var base : u64 ${many(n, (index) => `ring r${index} : S { base base count n owned n ..< n }`)}`],
  ['handlers', HANDLERS_MAX, (n) => `register R at regs+0 : u8 rw machine m { ${states} } machine k { A, B } ${many(n, (index) => `in m.s${index % 1000} { in k.${index < 1000 ? 'A' : 'B'} { on write R { k -> B } } }`)}`],
  ['bytes of a struct', STRUCT_BYTES_MAX, (n) => `struct S size ${n} { }`],
  ['entries of a ring', RING_COUNT_MAX, (n) => `struct S size 8 { a : u64 at 0 } var n : u32 max ${n} ring r : S { base base count n owned h ..< h } ${ring}`],
  ['bytes of a ring', RING_BYTES_MAX / 1024, (n) => `struct S size 1024 { a : u64 at 0 } var n : u32 max ${n} ring r : S { base base count n owned h ..< h } ${ring}`],
  ['steps of a sequence', STEPS_MAX, (n) => `register R at regs+0 : u8 rw interrupt { cause R acknowledge within 1ms at most 1 per second mask { ${many(n, () => 'read R')} } }`],
  ['time of a step', STEP_TIME_US_MAX, (n) => `register R at regs+0 : u8 rw interrupt { cause R acknowledge within 1ms at most 1 per second mask { delay ${n}us } }`],
  ['interrupt rate', RATE_MAX, (n) => `register R at regs+0 : u8 rw interrupt { cause R acknowledge within 1ms at most ${n} per second }`],
  ['interrupt burst', RATE_MAX, (n) => `register R at regs+0 : u8 rw interrupt { cause R acknowledge within 1ms at most 1 per second burst ${n} }`],
  ['interrupt deadline', DEADLINE_US_MAX, (n) => `register R at regs+0 : u8 rw interrupt { cause R acknowledge within ${n}us at most 1 per second }`],
]; // prettier-ignore

for (const [name, max, body] of limits) {
  test(`${name}: ${max} are accepted, one more is refused once`, () => {
    const at = compile(device(body(BigInt(max))));
    assert.notEqual(at.program, undefined, renderDiagnostics(at.diagnostics));
    const past = compile(device(body(BigInt(max) + 1n)));
    assert.equal(past.program, undefined);
    const errors = past.diagnostics.filter((each) => each.severity === 'error').map((each) => each.code);
    assert.equal(errors.length, 1, renderDiagnostics(past.diagnostics));
    assert.match(errors[0] ?? '', /^DSS(212|309|310)$/);
  });
}

test('an error is never lost behind warnings: the program is refused and the error shown', () => {
  const warnings = many(DIAGNOSTICS_MAX + 20, () => 'if v > 255 { x = 0 }');
  const body = `var x : u8 register R at regs+0 : u8 rw on write R(v) {\n${warnings}\n x = v + 1 }`;
  const { program, diagnostics, dropped } = compile(device(body));
  assert.equal(program, undefined);
  assert.equal(diagnostics.length, DIAGNOSTICS_MAX);
  assert.equal(dropped, 21);
  assert.deepEqual(
    diagnostics.filter((each) => each.severity === 'error').map((each) => each.code),
    ['DSS204'],
  );
});
