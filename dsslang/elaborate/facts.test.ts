/** What the checker knows about values, seen from outside: which specifications it accepts. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { codes } from '../testing.ts';

const declarations = `
  var a : u8  var b : u8  var c : u8 max 10  var wide : u64
  machine m { A, B }
  register R at regs+0 : u32 rw { LEN = [15:8] }
  register A[4] at regs+16 : u32 rw
  struct S size 8 { n : u16 at 0 }
  var base : u64  var count : u16 max 8  var h : u16 max 7
  ring r : S { base base  count count  owned h ..< h }
  on report R { m -> B a = b b = 0 wide = base }`;

/** Errors of a handler's body. (What is never used is another test's matter.) */
const errors = (body: string): string[] =>
  codes(
    `${declarations}\non write R(v) { ${body} }\non write A[i](v) { for d in r[0 ..< 0] { c = min(d.n, i) } c = min(v, c) }`,
  ).filter((code) => !code.startsWith('DSS4'));
const accepts = (body: string): void => assert.deepEqual(errors(body), [], body);
const rejects = (body: string, ...wanted: string[]): void => assert.deepEqual(errors(body), wanted, body);

test('a requirement narrows what comes after it, and only that', () => {
  rejects('a = v', 'DSS204');
  accepts('require v <= 255 "r" a = v');
  accepts('require v < 256 "r" a = v');
  accepts('require 256 > v "r" a = v');
  accepts('require not (v > 255) "r" a = v');
  accepts('require v == 7 "r" c = v');
  rejects('require v < 257 "r" a = v', 'DSS204');
  rejects('a = v require v < 256 "r"', 'DSS204');
  rejects('require v != 300 "r" a = v', 'DSS204');
});

test('facts speak of expressions by their shape', () => {
  accepts('require v.LEN <= 10 "r" c = v.LEN');
  accepts('require v.LEN <= 10 "r" c = v[15:8]');
  rejects('require v.LEN <= 10 "r" c = v[14:7]', 'DSS204');
  accepts('require wide + 0 <= 10 "r" c = wide + 0'.replaceAll('wide + 0', '(wide & 0xFFFF)'));
  accepts('require v / 16 <= 10 "r" c = v / 16');
});

test('and, or, not, implies carry facts the way they are evaluated', () => {
  accepts('require v <= 255 and b <= v "r" a = v - b');
  accepts('require b <= a and a - b < 5 "r"');
  rejects('require a - b < 5 and b <= a "r"', 'DSS205');
  accepts('require b > a or a - b < 5 "r"');
  accepts('require b <= a implies a - b < 5 "r"');
  rejects('require v <= 255 or v <= 300 "r" a = v', 'DSS204');
  accepts('require not (v > 255 or b > v) "r" a = v - b');
});

test('an order that is known allows the difference, until one side changes', () => {
  rejects('a = a - b', 'DSS205');
  accepts('require b <= a "r" c = min(a - b, 10)');
  accepts('require a >= b "r" a = a - b');
  accepts('require b < a "r" a = a - b');
  rejects('require b <= a "r" a = b b = 9 a = a - b', 'DSS205');
  rejects('require b <= a "r" b = a b = 255 a = a - b', 'DSS205');
  accepts('if b <= a { a = a - b } else { b = b - a }');
  rejects('if b < a { a = 0 } else { a = a - b }', 'DSS205');
  accepts('a = if b <= a then a - b else b - a');
  accepts('require a == b "r" a = a - b');
});

test('an assignment forgets what was known of its target and learns the range of the value', () => {
  accepts('a = 5 c = a');
  accepts('a = c c = a');
  rejects('require a <= 10 "r" a = 200 c = a', 'DSS204');
  rejects('require a <= 10 "r" c = a a = b c = a', 'DSS204');
  accepts('let old = a require old <= 10 "r" a = 200 c = old');
});

test('where branches meet only what both know is left', () => {
  accepts('if v[0] { a = 3 } else { a = 7 } c = a');
  rejects('if v[0] { a = 3 } c = a', 'DSS204');
  rejects('if v[0] { a = 3 } else { a = 77 } c = a', 'DSS204');
  accepts('if v > 255 { deny "too large" } a = v');
  accepts('if v <= 255 { } else { deny "too large" } a = v');
  rejects('if v > 255 { a = 0 } a = v', 'DSS204');
  accepts('require v <= 10 "r" if v[0] { a = 1 } c = v');
});

test('a loop forgets what its body assigns, before the body and after it', () => {
  rejects('a = 5 for d in r[0 ..< 3] { c = a a = 77 }', 'DSS204');
  rejects('a = 5 for d in r[0 ..< 3] { a = 77 } c = a', 'DSS204');
  rejects('a = 5 for d in r[0 ..< 3] { for e in r[0 ..< 1] { a = 77 } } c = a', 'DSS204');
  accepts('a = 5 for d in r[0 ..< 3] { b = 77 } c = a');
  accepts('for d in r[0 ..< 3] { require d.n <= 10 "r" c = d.n }');
  rejects('for d in r[0 ..< 3] { for e in r[0 ..< 3] { require d.n <= 10 "r" c = e.n } }', 'DSS204');
  rejects('for d in r[0 ..< 3] { require v <= 10 "r" } c = v', 'DSS204');
});

test('divisors are shown not to be zero', () => {
  rejects('a = a / b', 'DSS218');
  accepts('require b != 0 "r" a = a / b');
  accepts('require b > 0 "r" a = a % b');
  accepts('a = if b == 0 then 0 else a / b');
  accepts('a = a / (b | 1)');
  rejects('require b != 0 "r" b = a a = a / b', 'DSS218');
});

test('facts that contradict each other describe code that never runs and prove nothing', () => {
  rejects('require b == 0 "r" require b != 0 "r" a = a / b', 'DSS218');
  rejects('require v < 5 "r" require v > 10 "r" c = v a = v * 99999999999', 'DSS204', 'DSS206');
});

test('exact arithmetic ends at 64 bits, wrapping and saturating never do', () => {
  rejects('wide = wide + 1', 'DSS206');
  rejects('wide = wide * 2', 'DSS206');
  rejects('wide = wide << 1', 'DSS206');
  accepts('wide = wide +% 1 wide = wide *% 3 wide = wide +| 9 wide = wide -| 9 wide = wide -% 9');
  accepts('require wide < 0x8000_0000_0000_0000 "r" wide = wide << 1');
  rejects('require wide <= 0x8000_0000_0000_0000 "r" wide = wide << 1', 'DSS206');
  accepts('wide = (wide & 0xFFFF_FFFF) * v');
  rejects('wide = (wide & 0x1_FFFF_FFFF) * v', 'DSS206');
});

test('the width of an operation is that of its wider operand', () => {
  accepts('a = a +% b');
  accepts('a = ~a');
  rejects('a = a +% v', 'DSS204');
  rejects('c = c +% 1', 'DSS204');
  accepts('c = min(c +% 1, 10)');
  accepts('c = (a & 3) | 4 if c == 3 { } c = 10 & a');
  rejects('c = (a & 7) | 8', 'DSS204');
});

test('more facts than are kept make no false claim, only a lost one', () => {
  const many = Array.from({ length: 300 }, (_, index) => `require (v & ${index + 1}) <= v "r"`).join(' ');
  accepts(`${many} require v <= 255 "r" a = v`);
  rejects(`${many} a = v`, 'DSS204');
});
