import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MirrorPage, PAGE_BYTES } from './mirror-page.ts';
import type { MemoryAccess } from './memory-access.ts';

/** The guest's page, and after it the mirror's. */
const MIRROR = PAGE_BYTES;

interface World {
  readonly bytes: Uint8Array;
  readonly memory: MemoryAccess;
  readonly written: { address: number; length: number }[];
}

function world(): World {
  const bytes = new Uint8Array(2 * PAGE_BYTES);
  const written: { address: number; length: number }[] = [];
  const memory = {
    read: (address: number, into: Uint8Array) => into.set(bytes.subarray(address, address + into.length)),
    write: (address: number, from: Uint8Array) => {
      written.push({ address, length: from.length });
      bytes.set(from, address);
    },
  };
  return { bytes, memory, written };
}

function publish({ bytes }: World, page: MirrorPage, at: number, what: Uint8Array): void {
  bytes.set(what, MIRROR + at);
  page.publish(at, what);
}

const span = fc
  .tuple(fc.nat(PAGE_BYTES - 1), fc.integer({ min: 1, max: 64 }))
  .map(([at, length]) => ({ at, length: Math.min(length, PAGE_BYTES - at) }));

test('the guest gets exactly the bytes that the device has changed, of the published part', () => {
  const changes = fc.array(fc.record({ at: fc.nat(PAGE_BYTES - 1), value: fc.integer({ min: 0, max: 255 }) }));
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 4 }), changes, (spans, changed) => {
      const here = world();
      const page = new MirrorPage();
      for (const { at, length } of spans) publish(here, page, at, new Uint8Array(length).fill(7));
      const first = Math.min(...spans.map(({ at }) => at));
      const end = Math.max(...spans.map(({ at, length }) => at + length));
      // What the guest has there is its own, and none of it is what the mirror holds.
      const guest = here.bytes.subarray(0, PAGE_BYTES).fill(0xee);
      const before = here.bytes.slice(MIRROR);
      for (const { at, value } of changed) here.bytes[MIRROR + at] = value;
      page.collect(here.memory, MIRROR, 0);
      guest.forEach((byte, at) => {
        const now = here.bytes[MIRROR + at];
        const isNews = at >= first && at < end && now !== before[at];
        assert.equal(byte, isNews ? now : 0xee, `offset ${at}`);
      });
      here.written.length = 0;
      page.collect(here.memory, MIRROR, 0);
      assert.deepEqual(here.written, [], 'nothing is carried twice');
    }),
  );
});

test('a descriptor that the device is still writing is carried when it reads the same twice', () => {
  const here = world();
  const page = new MirrorPage();
  publish(here, page, 16, new Uint8Array(16));
  let looks = 0;
  const memory: MemoryAccess = {
    read: (address, into) => {
      looks += 1;
      here.bytes[MIRROR + 16 + Math.min(looks, 3)] = 1;
      here.memory.read(address, into);
    },
    write: (address, from) => here.memory.write(address, from),
  };
  page.collect(memory, MIRROR, 0);
  assert.deepEqual([...here.bytes.subarray(16, 24)], [0, 1, 1, 1, 0, 0, 0, 0]);
  assert.deepEqual(here.written, [{ address: 17, length: 3 }]);
});
