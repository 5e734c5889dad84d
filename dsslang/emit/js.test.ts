/** What the emitted JavaScript once got wrong, each by name; the interpreter stands beside it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile } from '../compile.ts';
import { device, load, monitors, variable } from '../testing.ts';
import { emitJs } from './js.ts';

/** Both monitors after a write of `value` to a 64-bit register, as the value of `x`. */
async function after(body: string, value: bigint): Promise<readonly (bigint | undefined)[]> {
  const found = [];
  for (const monitor of await monitors(body)) {
    assert.equal(monitor.write(0, 0, 8, Number(value & 0xffff_ffffn), Number(value >> 32n), 0), 0);
    found.push(variable(monitor, 'x'));
  }
  return found;
}

const register = 'register R at regs+0 : u64 rw';

test('a division that its condition guards does not throw where the condition fails', async () => {
  const body = `var x : u64 var y : u64 = 0xFFFF_FFFF_FFFF_FFFF ${register} on write R(v) { x = if v != 0 then y / v else 7 y = v }`;
  assert.deepEqual(await after(body, 0n), [7n, 7n]);
  assert.deepEqual(await after(body, 2n), [0x7fff_ffff_ffff_ffffn, 0x7fff_ffff_ffff_ffffn]);
  const condition = `var x : u64 ${register} on write R(v) { if v != 0 and 0xFFFF_FFFF_FFFF_FFFF % v == 0 { x = 1 } else { x = 2 } }`;
  assert.deepEqual(await after(condition, 0n), [2n, 2n]);
});

test('upper bits of a variable declared wide but known to be small are 0', async () => {
  const body = `var x : u64 var w : u40 ${register} on write R(v) { let l = w & 0xFF x = l[39:33] } on read R { w = 0xFF }`;
  for (const monitor of await monitors(body)) {
    monitor.read(0, 0, 8, 0);
    assert.equal(monitor.write(0, 0, 8, 0, 0, 0), 0);
    assert.equal(variable(monitor, 'x'), 0n);
  }
});

test('a variable shifted by 32 into itself keeps its low half', async () => {
  const body = `var x : u64 ${register} on write R(v) { x = v require x <= 0xFFFF_FFFF "r" x = x << 32 }`;
  assert.deepEqual(await after(body, 0x1234_5678n), [0x1234_5678_0000_0000n, 0x1234_5678_0000_0000n]);
});

test('a wide value that a requirement has made small fits a narrow variable, a let, a shift and a walk', async () => {
  const body = `var x : u64 var small : u8 ${register}
    on write R(v) { require v <= 200 "r" small = v let l = v let s = v << 2 x = s + l + small }`;
  assert.deepEqual(await after(body, 200n), [1200n, 1200n]);
});

test('comparing conditions does not double the program', () => {
  const chain = Array.from({ length: 60 }, () => 'v == 1').join(') == (');
  const nested = 'if v == 1 then v == 2 else '.repeat(40);
  const { program } = compile(
    device(`${register} on write R(v) { require (${chain}) "c" require ${nested} true "n" }`),
  );
  assert.ok(program !== undefined);
  assert.ok(emitJs(program).length < 40_000);
});

test('a module imports nothing, says what it is, and holds no text of the author outside of strings', async () => {
  const { program } = compile(device(`${register} on write R(v) { require v != 1 "*/ \${x} \`; */" }`));
  assert.ok(program !== undefined);
  const text = emitJs(program);
  assert.doesNotMatch(text, /\bimport\b|\brequire\(/);
  const module = await load(text);
  assert.equal(module.info.specificationHash, program.specificationHash);
  assert.equal(
    module.info.rules.some((rule) => rule.reason === '*/ ${x} `; */'),
    true,
  );
});
