import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HashBatch, HashEngine } from './hash-engine.ts';
import { DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES, readUint, TAG_NODE, writePrefix, writeUint } from './hash-engine.ts';
import { kernelPays } from './hash/fastest.ts';
import { ENGINE_NAMES, openEngine } from './hash/open.ts';
import { sha256x4Module } from './hash/sha256x4.ts';

const engines = ENGINE_NAMES.map(openEngine);

function randomBytes(sizeBytes: number, seed: number): Uint8Array {
  let state = seed | 1;
  return Uint8Array.from({ length: sizeBytes }, () => {
    state = Math.imul(state, 1664525) + 1013904223;
    return state >>> 24;
  });
}

function digestOf(engine: HashEngine, message: Uint8Array): string {
  const out = new Uint8Array(40);
  engine.hash(message, out, 5);
  assert.deepEqual([...out.subarray(0, 5), ...out.subarray(37)], new Array(8).fill(0), 'writes 32 bytes and no more');
  return Buffer.from(out.subarray(5, 37)).toString('hex');
}

for (const engine of engines) {
  test(`${engine.name} gives the published digests of FIPS 180-4's examples`, () => {
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    assert.equal(digestOf(engine, text('abc')), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    assert.equal(digestOf(engine, text('')), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    assert.equal(
      digestOf(engine, text('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')),
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
  });

  test(`${engine.name} agrees with OpenSSL for every length around every block and piece edge`, () => {
    const lengths = [...Array(200).keys(), 8182, 8183, 8184, 8191, 8192, 8193, 16375, 16376, 16384, 40_000];
    const bytes = randomBytes(40_000, 7);
    for (const length of lengths) {
      const message = bytes.subarray(0, length);
      assert.equal(digestOf(engine, message), createHash('sha256').update(message).digest('hex'), `length ${length}`);
    }
  });

  test(`${engine.name} hashes batches of any size, alignment and addressing like one message at a time`, () => {
    const body = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(8160, 8167, 8168, 8192, 9000));
    const cases = fc.record({
      bodySizeBytes: body,
      indices: fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 20 }),
      gather: fc.boolean(),
      gapBytes: fc.constantFrom(0, 1, 4),
      offset: fc.constantFrom(0, 1, 4),
      outOffset: fc.constantFrom(0, 3),
    });
    fc.assert(
      fc.property(cases, ({ bodySizeBytes, indices, gather, gapBytes, offset, outOffset }) => {
        const strideBytes = bodySizeBytes + gapBytes;
        const source = randomBytes(8 + 31 * strideBytes + bodySizeBytes, bodySizeBytes).subarray(offset);
        const prefix = new Uint8Array(PREFIX_SIZE_BYTES);
        writePrefix(prefix, TAG_NODE, 3, { arity: 5, leafSizeField: 77 }, 0);
        const out = new Uint8Array(outOffset + 31 * DIGEST_SIZE_BYTES).subarray(outOffset);
        const batch: HashBatch = {
          prefix,
          source,
          sourceStart: 4,
          strideBytes,
          bodySizeBytes,
          gather,
          indices: Uint32Array.from(indices),
          count: indices.length,
          out,
        };
        const expected = new Uint8Array(out.length);
        indices.forEach((index, k) => {
          const start = 4 + (gather ? index : k) * strideBytes;
          writeUint(prefix, 8, 8, index);
          const digest = createHash('sha256')
            .update(prefix)
            .update(source.subarray(start, start + bodySizeBytes));
          expected.set(digest.digest(), index * DIGEST_SIZE_BYTES);
        });
        prefix.fill(0xff, 8);
        engine.hashMany(batch);
        assert.deepEqual(out, expected);
      }),
      { numRuns: engine.name === 'noble' ? 40 : 150 },
    );
  });
}

test('the prefix holds tag, level, arity, leaf size and index, big-endian', () => {
  const prefix = new Uint8Array(PREFIX_SIZE_BYTES);
  writePrefix(prefix, TAG_NODE, 9, { arity: 0x102, leafSizeField: 0x01020304 }, 2 ** 53 - 1);
  assert.equal(Buffer.from(prefix).toString('hex'), '01090102' + '01020304' + '001fffffffffffff');
  assert.equal(readUint(prefix, 8, 8), 2 ** 53 - 1);
});

test('the generated kernel module is the same bytes every time and small', () => {
  const module = sha256x4Module();
  assert.deepEqual(module, sha256x4Module());
  assert.ok(module.length < 32_768, `${module.length} bytes`);
});

test('the fastest engine leaves lone and long messages to OpenSSL and takes levels of small nodes to the kernel', () => {
  for (const isInPlace of [false, true]) {
    assert.equal(kernelPays(1, 64, isInPlace), false);
    assert.equal(kernelPays(1000, 64, isInPlace), true);
    assert.equal(kernelPays(1000, 4096, isInPlace), false);
  }
});

for (const name of ['wasm', 'fastest', 'parallel'] as const)
  test(`a batch between arrays that \`${name}\` gave is hashed where it lies, same digests, lists of any length`, () => {
    const engine = openEngine(name);
    for (const bodySizeBytes of [48, 64, 96, 112, 160, 1024]) {
      const nodes = 9001;
      const [source, out] = engine.allocate?.([nodes * bodySizeBytes, nodes * DIGEST_SIZE_BYTES]) ?? [];
      assert.ok(source !== undefined && out !== undefined);
      source.set(randomBytes(nodes * bodySizeBytes, bodySizeBytes));
      const prefix = new Uint8Array(PREFIX_SIZE_BYTES);
      writePrefix(prefix, TAG_NODE, 4, { arity: 2, leafSizeField: 0xfffffffe }, 0);
      const place = { source, sourceStart: 0, strideBytes: bodySizeBytes, bodySizeBytes, gather: true };
      for (const count of [1, 3, 4, 5, 127, 128, 129, 130, 8999]) {
        const indices = Uint32Array.from({ length: count }, (_, k) => nodes - 1 - k);
        const expected: Uint8Array = new Uint8Array(out.length);
        openEngine('node').hashMany({ prefix, ...place, indices, count, out: expected });
        out.fill(0);
        engine.hashMany({ prefix, ...place, indices, count, out });
        assert.deepEqual(out, expected, `${count} bodies of ${bodySizeBytes} bytes`);
      }
    }
  });

test('an engine gives no arrays that are not worth a memory of their own, or that no memory can hold', () => {
  for (const name of ['wasm', 'fastest', 'parallel'] as const) {
    assert.equal(openEngine(name).allocate?.([32, 64]), undefined);
    assert.equal(openEngine(name).allocate?.([2 ** 32]), undefined);
    assert.deepEqual(openEngine(name).allocate?.([2 ** 18, 7])?.map((array) => array.length), [2 ** 18, 7]); // prettier-ignore
  }
});
