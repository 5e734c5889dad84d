/** Names of an emitted C monitor are names, whatever the specification calls its variables. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { program } from '../testing/feature-bench.ts';
import { emitC } from './c.ts';

test('regression: a variable whose name or bound is a long number is a field of that name, also in reset', () => {
  const { source } = emitC(
    program(`
      register R at regs+0 : u32 rw
      var x4294967295 : u64 = 0x1_0000_0000
      on write R(v) {
        mut sum : u32 = 0
        if v != 0 { sum = v }
        require sum <= 7 or x4294967295 == 0  "too much"
        x4294967295 = sum
      }
    `),
  );
  assert.match(source, /m->s_x4294967295 = UINT64_C\(0x100000000\);/);
  assert.match(source, /m->s_scratch_u32_4294967295_0 = 0;/);
  assert.doesNotMatch(source, /\w_UINT64_C/);
});
