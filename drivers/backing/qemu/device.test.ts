import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CONFIG_SPACE, PORT_SPACE, type Width } from '../../../dsslang/runtime.ts';
import { locate, type DeviceMap } from './device.ts';

const map: DeviceMap = {
  at: 16,
  bars: [
    { kind: 'memory', base: 0xe000_0000, sizeBytes: 0x1000 },
    { kind: 'ports', base: 0xc000, sizeBytes: 64 },
  ],
  ports: [{ first: 0x1f0, last: 0x1f7 }],
  irqLine: 11,
  dma: { base: 0, sizeBytes: 0 },
};

test('every access either lies wholly inside one part of the device or is refused', () => {
  const offset = fc.oneof(fc.integer({ min: -8, max: 0x1010 }), fc.double(), fc.integer());
  const space = fc.oneof(fc.integer({ min: -1, max: 9 }), fc.double());
  fc.assert(
    fc.property(space, offset, fc.constantFrom<Width>(1, 2, 4, 8), (space, offset, width) => {
      let target;
      try {
        target = locate(map, space, offset, width);
      } catch (error) {
        assert.ok(error instanceof RangeError);
        return;
      }
      assert.notEqual(width, 8);
      const [first, end] =
        target.kind === 'config' ? [target.offset, target.offset + width] : [target.address, target.address + width];
      const inside = (from: number, size: number): boolean => first >= from && end <= from + size;
      if (space === 0) assert.ok(inside(0xe000_0000, 0x1000));
      else if (space === 1) assert.ok(inside(0xc000, 64));
      else if (space === CONFIG_SPACE) assert.ok(inside(0, 256) && first % width === 0);
      else if (space === PORT_SPACE) assert.ok(inside(0x1f0, 8));
      else assert.fail(`space ${space} does not exist`);
    }),
    { numRuns: 2000 },
  );
});

test('takes the last register of each part and refuses one byte past it', () => {
  for (const [space, size] of [
    [0, 0x1000],
    [1, 64],
    [CONFIG_SPACE, 256],
    [PORT_SPACE, 0x1f8],
  ] as const) {
    assert.equal(locate(map, space, size - 4, 4).width, 4);
    assert.throws(() => locate(map, space, size - 3, 4), RangeError);
    assert.throws(() => locate(map, space, size, 1), RangeError);
  }
  assert.throws(() => locate(map, PORT_SPACE, 0x1ef, 1), RangeError);
  assert.throws(() => locate(map, PORT_SPACE, 0x1ef, 2), RangeError);
});
