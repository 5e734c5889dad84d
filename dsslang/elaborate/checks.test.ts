/** Checks: what they mean is S17 in interpreter.test.ts; here is what they know, what they cost, and their limits. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile } from '../compile.ts';
import { codes, device } from '../testing.ts';
import { CHECK_DEPTH_MAX } from './checks.ts';

const R = 'register R at regs+0 : u32 rw register Q at regs+4 : u32 rw';

test('a check costs what its body costs: the program is that of the text written out, with one rule for both', () => {
  const rules = 'require d.n <= 64 "long" require device.reads(d.a, d.n) "outside"';
  const around = (declared: string, judged: string): string =>
    device(`${R} struct D size 16 { a : u64 at 0 n : u16 at 8 } ${declared}
      on write R(v) { for d in D at v count 4 { ${judged} } } on write Q(v) { for d in D at v count 2 { ${judged} } }`);
  const shared = compile(around(`check good(d : D) { ${rules} }`, 'check good(d)')).program;
  const twice = compile(around('', rules)).program;
  assert.ok(shared !== undefined && twice !== undefined);
  const shapeOf = (program: typeof shared): string =>
    JSON.stringify([program.scalars, program.registers.map((each) => each.write)], (key, value: unknown) =>
      typeof value === 'bigint'
        ? String(value)
        : key === 'rule' || key === 'range' || key === 'memory' || key === 'otherwise'
          ? 0
          : value,
    );
  assert.equal(shapeOf(shared), shapeOf(twice));
  assert.equal(shared.rules.length, twice.rules.length - 2);
});

test('a check knows the device and its parameters, nothing of the handler around it, nor of an engine', () => {
  assert.deepEqual(codes(`${R} check f(n) { require n != near "x" } on write R(v) { let near = v check f(v) }`), [
    'DSS101',
  ]);
  assert.deepEqual(
    codes(`${R} check f(n) { let near = n + 1 require near != 9 "x" } on write R(v) { let near = v check f(near) }`),
    [],
  );
  assert.deepEqual(
    codes(`check f(n) { require slots == n "x" } engine p[2] at regs+0x100 stride 16 {
      register C at +0 : u32 rw var slots : u32 on write C(v) { slots = v check f(v) } }`),
    ['DSS147'],
  );
});

test('what is known where a check is used is known in it, and what it says is known behind it', () => {
  const body = (before: string, after: string): string =>
    `${R} var x : u8 check keep(n) { x = n } check small(n) { require n < 9 "large" }
     on write R(v) { ${before} check keep(v) ${after} } on read R { require x != 3 "x" check small(x) }`;
  assert.deepEqual(codes(body('require v < 200 "large"', '')), []);
  assert.deepEqual(codes(body('check small(v)', '')), []);
  assert.deepEqual(codes(body('', 'check small(v)')), ['DSS204']);
});

test('a loop forgets what a check in it changes', () => {
  const body = (judged: string): string =>
    `${R} struct D size 8 { a : u32 at 0 } var x : u8 max 9 var y : u32 check grow(n) { y = n }
     on write R(v) { require y <= 9 "large" for d in D at v count 3 { x = y ${judged} require d.a != 1 "x" } } on read R { require x != 3 and y != 2 "x" y = 1 }`;
  assert.deepEqual(
    codes(body('check grow(3)')).filter((each) => each === 'DSS204'),
    ['DSS204'],
  );
  assert.deepEqual(
    codes(body('')).filter((each) => each === 'DSS204'),
    [],
  );
});

test('mut numbers around a check keep their cells', () => {
  const { program } = compile(
    device(`${R} check f(n) { mut sum : u32 = 5 sum = sum +% n require sum != 9 "nine" }
      on write R(v) { mut total : u32 = 7 check f(v) require total == 7 or v == 1 "changed" if v == 2 { total = 8 } }`),
  );
  assert.equal(program?.scalars.filter((each) => each.name.startsWith('scratch.')).length, 2);
});

test('checks nest to their limit, and not one level further', () => {
  const tower = (levels: number): string =>
    Array.from({ length: levels }, (_, at) =>
      at + 1 < levels ? `check c${at}(n) { check c${at + 1}(n) }` : `check c${at}(n) { require n != 3 "three" }`,
    ).join(' ');
  assert.deepEqual(codes(`${R} ${tower(CHECK_DEPTH_MAX)} on write R(v) { check c0(v) }`), []);
  assert.deepEqual(codes(`${R} ${tower(CHECK_DEPTH_MAX + 1)} on write R(v) { check c0(v) }`), ['DSS156']);
});
