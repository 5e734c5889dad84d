import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '@noble/hashes/sha2.js';
import { TAG_NODE, writePrefix, writeUint } from '../hash-engine.ts';
import { openEngine } from '../hash/open.ts';
import { MerkleTree } from '../merkle.ts';
import { PROOF_HEADER_SIZE_BYTES, proofLength, verifyProof } from './proof.ts';
import type { TreeGeometry } from './shape.ts';
import { leafLength } from './shape.ts';

const engine = openEngine('fastest');

function bytesOf(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
}

function leafOf(tree: MerkleTree, data: Uint8Array, index: number): Uint8Array {
  const start = index * tree.shape.geometry.leafSizeBytes;
  return data.slice(start, start + leafLength(tree.shape, index));
}

const geometries: fc.Arbitrary<TreeGeometry> = fc.oneof(
  fc.record({ arity: fc.integer({ min: 2, max: 20 }), leafSizeBytes: fc.integer({ min: 1, max: 40 }) }),
  fc.record({
    arity: fc.integer({ min: 2, max: 9 }),
    leafSizeBytes: fc.constant(32),
    leafKind: fc.constant('digests' as const),
  }),
);

test('every leaf of every shape has a proof that verifies and says what it shows', () => {
  fc.assert(
    fc.property(geometries, fc.integer({ min: 1, max: 40 }), fc.nat(), (geometry, leaves, cut) => {
      const short = geometry.leafKind === 'digests' ? 0 : cut % geometry.leafSizeBytes;
      const data = bytesOf(leaves * geometry.leafSizeBytes - short);
      const tree = MerkleTree.build(geometry, data, engine);
      for (let index = 0; index < leaves; index += 1) {
        const claim = { root: tree.root(), index, leaf: leafOf(tree, data, index), proof: tree.prove(index) };
        const verdict = verifyProof(claim);
        assert.ok(verdict.ok, JSON.stringify(verdict));
        assert.equal(verdict.sizeBytes, data.length);
        assert.equal(verdict.geometry.arity, geometry.arity);
        assert.equal(verdict.geometry.leafSizeBytes, geometry.leafSizeBytes);
        assert.equal(verdict.index, index);
      }
    }),
    { numRuns: 80 },
  );
});

test('a change of any bit of any byte of proof, leaf or root is refused', () => {
  for (const [geometry, size] of [
    [{ arity: 2, leafSizeBytes: 5 }, 52],
    [{ arity: 3, leafSizeBytes: 7 }, 62],
    [{ arity: 16, leafSizeBytes: 1 }, 20],
    [{ arity: 4, leafSizeBytes: 32, leafKind: 'digests' }, 320],
    [{ arity: 2, leafSizeBytes: 9 }, 4],
  ] as const satisfies readonly (readonly [TreeGeometry, number])[]) {
    const data = bytesOf(size);
    const tree = MerkleTree.build(geometry, data, engine);
    for (const index of [0, (tree.shape.levels[0] ?? 1) - 1]) {
      const claim = { root: tree.root(), index, leaf: leafOf(tree, data, index), proof: tree.prove(index) };
      assert.ok(verifyProof(claim).ok);
      for (const part of ['proof', 'leaf', 'root'] as const) {
        for (let at = 0; at < claim[part].length; at += 1) {
          for (let bit = 0; bit < 8; bit += 1) {
            const forged = claim[part].slice();
            forged[at] = (forged[at] ?? 0) ^ (1 << bit);
            assert.equal(verifyProof({ ...claim, [part]: forged }, engine).ok, false, `${part} byte ${at} bit ${bit}`);
          }
        }
      }
    }
  }
});

test('a proof that is cut short, padded or moved to another leaf is refused', () => {
  const data = bytesOf(100);
  const tree = MerkleTree.build({ arity: 3, leafSizeBytes: 4 }, data, engine);
  const claim = { root: tree.root(), index: 5, leaf: leafOf(tree, data, 5), proof: tree.prove(5) };
  for (let length = 0; length < claim.proof.length; length += 1) {
    const verdict = verifyProof({ ...claim, proof: claim.proof.subarray(0, length) });
    assert.ok(!verdict.ok && verdict.fault === 'malformed');
  }
  assert.equal(verifyProof({ ...claim, proof: Uint8Array.from([...claim.proof, 0]) }).ok, false);
  assert.equal(verifyProof({ ...claim, index: 6 }).ok, false);
  assert.equal(verifyProof({ ...claim, leaf: leafOf(tree, data, 6) }).ok, false);
  assert.equal(verifyProof({ ...claim, proof: tree.prove(6) }).ok, false);
});

test('random bytes, and random bodies behind a true header, never verify and never throw', () => {
  const tree = MerkleTree.build({ arity: 4, leafSizeBytes: 8 }, bytesOf(500), engine);
  const header = tree.prove(9).slice(0, PROOF_HEADER_SIZE_BYTES);
  const proofs = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.uint8Array({ maxLength: 400 }).map((body) => Uint8Array.from([...header, ...body])),
    fc.uint8Array({ minLength: 24, maxLength: 400 }).map((body) => Uint8Array.from([1, 0, 0, ...body.subarray(3)])),
  );
  fc.assert(
    fc.property(proofs, fc.nat(20), (proof, index) => {
      assert.equal(verifyProof({ root: tree.root(), index, leaf: bytesOf(8), proof }, engine).ok, false);
    }),
    { numRuns: 500 },
  );
});

test('a header at the limits is refused by its length and not worked through', () => {
  const proof = new Uint8Array(PROOF_HEADER_SIZE_BYTES);
  proof[0] = 1;
  const refuse = (arity: number, leafSize: number, size: number, index: number): string => {
    writeUint(proof, 2, 2, arity);
    writeUint(proof, 4, 4, leafSize);
    writeUint(proof, 8, 8, size);
    writeUint(proof, 16, 8, index);
    const verdict = verifyProof({ root: new Uint8Array(32), index, leaf: new Uint8Array(1), proof });
    assert.ok(!verdict.ok && verdict.fault === 'malformed');
    return verdict.reason;
  };
  assert.match(refuse(4096, 1, 2 ** 26, 5), /length/);
  assert.match(refuse(4097, 1, 2 ** 26, 5), /arity/);
  assert.match(refuse(1, 1, 8, 5), /arity/);
  assert.match(refuse(2, 2 ** 26, 2 ** 52, 5), /length/);
  assert.match(refuse(2, 2 ** 26 + 1, 8, 0), /leaf size/);
  assert.match(refuse(2, 1, 2 ** 26 + 1, 5), /tree size/);
  assert.match(refuse(2, 2 ** 26, 2 ** 63, 5), /tree size/);
  assert.match(refuse(2, 4, 8, 2), /leaf index/);
  assert.match(refuse(2, 0, 33, 0), /multiple/);
  assert.match(refuse(2, 0, 0, 0), /leaf index/);
});

test('an inner node cannot be passed off as a leaf (second preimage)', () => {
  // In a tree without domain separation the two children's digests are a "leaf" with the same root, one level up.
  const data = bytesOf(4 * 32);
  const tree = MerkleTree.build({ arity: 2, leafSizeBytes: 32, leafKind: 'digests' }, data, engine);
  const innerNodes = tree.readDigests(1, 0, 2);
  for (const leafKind of ['digests', 'data'] as const) {
    const shallow = MerkleTree.build({ arity: 2, leafSizeBytes: 32, leafKind }, innerNodes, engine);
    assert.notDeepEqual(shallow.root(), tree.root());
    const claim = { root: tree.root(), index: 0, leaf: innerNodes.subarray(0, 32), proof: shallow.prove(0) };
    assert.equal(verifyProof(claim).ok, false);
  }
  // Nor with leaves of 64 bytes whose bytes are the concatenation of two digests.
  const wide = MerkleTree.build({ arity: 2, leafSizeBytes: 64 }, data, engine);
  assert.notDeepEqual(wide.readDigests(0, 0, 1), tree.readDigests(1, 0, 1));
  assert.notDeepEqual(wide.root(), tree.root());
});

test('a leaf that spells out a whole node message is not that node', () => {
  const children = bytesOf(64);
  const prefix = new Uint8Array(16);
  writePrefix(prefix, TAG_NODE, 1, { arity: 2, leafSizeField: 80 }, 0);
  const spelled = Uint8Array.from([...prefix, ...children]);
  const tree = MerkleTree.build({ arity: 2, leafSizeBytes: 80 }, spelled, engine);
  assert.notDeepEqual(tree.readDigests(0, 0, 1), sha256(spelled));
});

test('swapped subtrees, and a subtree grafted onto another place, change the root', () => {
  const halves = [bytesOf(64).subarray(0, 32), bytesOf(64).subarray(32)] as const;
  const geometry = { arity: 2, leafSizeBytes: 8 };
  const one = MerkleTree.build(geometry, Uint8Array.from([...halves[0], ...halves[0]]), engine);
  // Equal data under two nodes, yet the nodes differ, because the index is in the hash: nothing to swap unnoticed.
  assert.notDeepEqual(one.readDigests(2, 0, 1), one.readDigests(2, 1, 1));
  assert.notDeepEqual(one.readDigests(0, 0, 1), one.readDigests(0, 4, 1));
  const swapped = MerkleTree.build(geometry, Uint8Array.from([...halves[1], ...halves[0]]), engine);
  assert.notDeepEqual(swapped.root(), one.root());
});

test('a digest cut short by a zero byte, or too long, is not that leaf', () => {
  const data = bytesOf(4 * 32);
  data[63] = 0;
  const tree = MerkleTree.build({ arity: 2, leafSizeBytes: 32, leafKind: 'digests' }, data, engine);
  const claim = { root: tree.root(), index: 1, proof: tree.prove(1) };
  assert.ok(verifyProof({ ...claim, leaf: data.subarray(32, 64) }).ok);
  assert.equal(verifyProof({ ...claim, leaf: data.subarray(32, 63) }).ok, false);
  assert.equal(verifyProof({ ...claim, leaf: data.subarray(32, 65) }).ok, false);
});

test('a proof is as long as its shape says', () => {
  const tree = MerkleTree.build({ arity: 3, leafSizeBytes: 4 }, bytesOf(100), engine);
  for (let index = 0; index < 25; index += 1) assert.equal(tree.prove(index).length, proofLength(tree.shape, index));
});

test('arguments of the wrong kind are the caller’s mistake and throw', () => {
  const good = { root: new Uint8Array(32), index: 0, leaf: new Uint8Array(1), proof: new Uint8Array(24) };
  assert.throws(() => verifyProof({ ...good, root: new Uint8Array(31) }), TypeError);
  assert.throws(() => verifyProof({ ...good, proof: 'proof' as unknown as Uint8Array }), /proof must be a Uint8Array/);
  assert.throws(() => verifyProof({ ...good, leaf: [1] as unknown as Uint8Array }), TypeError);
});
