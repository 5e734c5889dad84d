import assert from 'node:assert/strict';
import test from 'node:test';
import { compile } from '../compile.ts';
import { device } from '../testing.ts';

/** The codes for `x = v`, where x holds at most 9, at `at` in or behind a loop whose body is `body`. */
const codes = (body: string, behind = ''): string[] =>
  compile(
    device(`struct S size 8 { a : u32 at 0 next : u32 at 4 } var x : u8 max 9 var y : u32 var a[4] : u32
      register R at regs+0 : u32 rw register Q at regs+4 : u32 rw on write Q(q) { require x != 1 and y != 1 and a[0] != 1 "x" }
      on write R(v) {
        mut m : u32 = 0
        require v <= 9 and y <= 9 and a[1] <= 9 "large"
        for s in S at 0 count 3 { ${body} }
        ${behind} if m == 7 { y = 0 }
      }`),
  )
    .diagnostics.filter((each) => each.severity === 'error')
    .map((each) => each.code);

void test('what an earlier turn of a loop may have changed is not known in the next, nor behind the loop', () => {
  const changes: readonly (readonly [read: string, change: string])[] = [
    ['v', 'require s.a != 1 "one" else clamp 200'],
    ['y', 'y = s.a'],
    ['a[1]', 'a[2] = s.a'],
    ['m', 'm = s.a'],
    ['m', 'for t in S at 64 count 2 { if t.a == 1 { m = t.a } }'],
    ['y', 'for t in S at 64 next t.next while t.next != 0 at most 2 { y = t.a }'],
  ];
  for (const [read, change] of changes) {
    assert.deepEqual(codes(`x = ${read}`), [], `${read} is known where nothing changes it`);
    assert.deepEqual(codes(`x = ${read} ${change}`), ['DSS204'], `${change}, in the next turn`);
    assert.deepEqual(codes(change, `x = ${read}`), ['DSS204'], `${change}, behind the loop`);
  }
});

void test('a name that could not be declared is no second mistake where it is assigned or counted', () => {
  assert.deepEqual(codes('let n = missing n = 4 count n'), ['DSS101']);
});
