import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBarProbe } from './pci.ts';

test('a BAR says its kind and size by the bits that cannot be set', () => {
  assert.deepEqual(decodeBarProbe(0), { kind: 'none' });
  assert.deepEqual(decodeBarProbe(0xfffe_0000), { kind: 'memory', sizeBytes: 0x20000, is64Bit: false });
  assert.deepEqual(decodeBarProbe(0xffff_c004), { kind: 'memory', sizeBytes: 0x4000, is64Bit: true });
  assert.deepEqual(decodeBarProbe(0xffff_fff8), { kind: 'memory', sizeBytes: 16, is64Bit: false });
  assert.deepEqual(decodeBarProbe(0x8000_0000), { kind: 'memory', sizeBytes: 0x8000_0000, is64Bit: false });
  assert.deepEqual(decodeBarProbe(0xffff_ffc1), { kind: 'ports', sizeBytes: 64 });
  // A device may leave the upper half of a port BAR at zero.
  assert.deepEqual(decodeBarProbe(0x0000_ff01), { kind: 'ports', sizeBytes: 256 });
});
