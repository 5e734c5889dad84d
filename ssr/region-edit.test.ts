/** The limit of a key: 2^32 blocks with random nonces, and not one more. */
import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { BLOCKS_PER_KEY_MAX, encryptingSealer, randomNonces } from './block-cipher.ts';
import { BlockIo, EMPTY_ROOT } from './block-io.ts';
import { SsrError } from './errors.ts';
import { RegionEdit } from './region-edit.ts';
import { MemoryDisk } from './store/memory-store.ts';

function edit(sealedBlocks: number): RegionEdit {
  const io = new BlockIo(new MemoryDisk().open(), { blockSizeBytes: 512, arity: 10, cacheSizeBytes: 4096 });
  const sealer = encryptingSealer(createSecretKey(randomBytes(32)), randomNonces());
  const id = new Uint8Array(16);
  let next = 100;
  const allocator = { allocate: () => (next += 1), free: () => undefined };
  const record = {
    name: 'a',
    slot: 0,
    id,
    mode: 'encrypted',
    keyGeneration: 0,
    sizeBytes: 2048,
    root: EMPTY_ROOT,
  } as const;
  return new RegionEdit(
    io,
    { name: 'a', id, sealer: () => sealer },
    { ...record, sealedBlocks },
    { allocator, version: 1 },
  );
}

void test('a key seals 2^32 blocks, nodes included, and refuses the next; a fresh key goes on', () => {
  // Two blocks and the node above them.
  const last = edit(BLOCKS_PER_KEY_MAX - 3);
  last.write(0, new Uint8Array(1024).fill(1));
  assert.equal(last.seal().sealedBlocks, BLOCKS_PER_KEY_MAX);
  const over = edit(BLOCKS_PER_KEY_MAX - 2);
  assert.throws(
    () => {
      over.write(0, new Uint8Array(1024).fill(1));
      over.seal();
    },
    (error: unknown) => error instanceof SsrError && error.code === 'SSR_LIMIT' && /rotate/.test(error.help),
  );
  const rotated = edit(BLOCKS_PER_KEY_MAX - 2);
  rotated.rotateKey();
  rotated.write(0, new Uint8Array(1024).fill(1));
  assert.equal(rotated.seal().sealedBlocks, 3);
});
