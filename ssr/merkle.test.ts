import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HashEngine } from './hash-engine.ts';
import { ENGINE_NAMES, openEngine } from './hash/open.ts';
import { MerkleError, MerkleTree } from './merkle.ts';
import { referenceRoot } from './merkle/reference.ts';
import { RootStream } from './merkle/root-stream.ts';
import type { TreeGeometry } from './merkle/shape.ts';
import { ARITY_MAX, LEAVES_MAX, leafLength, treeShape } from './merkle/shape.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fastest = openEngine('fastest');

/** Deterministic bytes: cheap, and different for every seed. */
function bytesOf(sizeBytes: number, seed: number): Uint8Array {
  let state = (seed * 2654435761) | 1;
  return Uint8Array.from({ length: sizeBytes }, () => {
    state = Math.imul(state, 1664525) + 1013904223;
    return state >>> 24;
  });
}

/** Counts the messages that a real engine hashes. */
function counting(engine: HashEngine): HashEngine & { count: number } {
  const counted = {
    name: engine.name,
    count: 0,
    hash(message: Uint8Array, out: Uint8Array, outOffset: number): void {
      counted.count += 1;
      engine.hash(message, out, outOffset);
    },
    hashMany(batch: Parameters<HashEngine['hashMany']>[0]): void {
      counted.count += batch.count;
      engine.hashMany(batch);
    },
  };
  return counted;
}

const geometries: fc.Arbitrary<TreeGeometry> = fc.oneof(
  fc.record({ arity: fc.integer({ min: 2, max: 9 }), leafSizeBytes: fc.integer({ min: 1, max: 70 }) }),
  fc.record({
    arity: fc.integer({ min: 2, max: 9 }),
    leafSizeBytes: fc.constant(32),
    leafKind: fc.constant('digests' as const),
  }),
  fc.record({ arity: fc.constantFrom(64, 200), leafSizeBytes: fc.constantFrom(3, 100) }),
);

test('a built tree has the root of the definition for every small size, arity 2 to 5', () => {
  for (let arity = 2; arity <= 5; arity += 1) {
    const geometry = { arity, leafSizeBytes: 3 };
    for (let size = 0; size <= 3 * (arity ** 3 + 2); size += 1) {
      const data = bytesOf(size, arity);
      assert.equal(
        hex(MerkleTree.build(geometry, data, fastest).root()),
        hex(referenceRoot(geometry, data)),
        `${arity}/${size}`,
      );
    }
  }
});

test('all engines build the same tree', () => {
  const geometry = { arity: 3, leafSizeBytes: 50 };
  const data = bytesOf(5003, 5);
  const roots = ENGINE_NAMES.map((name) => hex(MerkleTree.build(geometry, data, openEngine(name)).root()));
  assert.deepEqual(new Set(roots), new Set([hex(referenceRoot(geometry, data))]));
});

type Step =
  | { readonly step: 'append'; readonly sizeBytes: number }
  | { readonly step: 'update'; readonly where: number }
  | { readonly step: 'batch'; readonly where: readonly number[] }
  | { readonly step: 'set'; readonly where: number }
  | { readonly step: 'resize'; readonly to: number }
  | { readonly step: 'commit' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ step: fc.constant('append' as const), sizeBytes: fc.integer({ min: 0, max: 600 }) }),
    fc.record({ step: fc.constant('update' as const), where: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
    fc.record({
      step: fc.constant('batch' as const),
      where: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 80 }),
    }),
    fc.record({ step: fc.constant('set' as const), where: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
    fc.record({ step: fc.constant('resize' as const), to: fc.integer({ min: 0, max: 1500 }) }),
    fc.record({ step: fc.constant('commit' as const) }),
  ),
  { maxLength: 14 },
);

/** Runs one step on the tree and on plain bytes; returns the bytes. */
function runStep(tree: MerkleTree, data: Uint8Array, step: Step, seed: number): Uint8Array {
  const { geometry } = tree.shape;
  const whole = (sizeBytes: number): number =>
    geometry.leafKind === 'digests' ? sizeBytes - (sizeBytes % 32) : sizeBytes;
  const change = (where: number, salt: number): { index: number; bytes: Uint8Array } => {
    const index = Math.floor(where * (tree.shape.levels[0] ?? 0));
    const bytes = bytesOf(leafLength(tree.shape, index), seed * 1000 + salt);
    data.set(bytes, index * geometry.leafSizeBytes);
    return { index, bytes };
  };
  const empty = tree.shape.levels[0] === 0;
  switch (step.step) {
    case 'append': {
      const chunk = bytesOf(whole(step.sizeBytes), seed);
      tree.append(chunk);
      return Uint8Array.from([...data, ...chunk]);
    }
    case 'update':
    case 'set': {
      if (empty) return data;
      const { index, bytes } = change(step.where, 0);
      tree.setLeaf(index, bytes);
      if (step.step === 'update') tree.commit();
      return data;
    }
    case 'batch':
      if (!empty) tree.updateBatch(step.where.map(change));
      return data;
    case 'resize': {
      const to = whole(step.to);
      const next = new Uint8Array(to);
      next.set(data.subarray(0, to));
      tree.resize(to, next.subarray(to - (to % geometry.leafSizeBytes)));
      return next;
    }
    case 'commit':
      tree.commit();
      return data;
  }
}

test('any sequence of appends, updates, batches and resizes leads to the root of the definition', () => {
  fc.assert(
    fc.property(geometries, steps, (geometry, sequence) => {
      const tree = MerkleTree.create(geometry, fastest);
      let data: Uint8Array = new Uint8Array(0);
      sequence.forEach((step, seed) => {
        data = runStep(tree, data, step, seed + 1);
        if (step.step === 'commit') assert.equal(hex(tree.root()), hex(referenceRoot(geometry, data)));
      });
      assert.equal(hex(tree.commit()), hex(referenceRoot(geometry, data)));
      assert.equal(tree.shape.sizeBytes, data.length);
    }),
    { numRuns: 400 },
  );
});

test('a commit hashes each changed leaf and each of its ancestors exactly once', () => {
  const changed = fc.array(fc.integer({ min: 0, max: 499 }), { minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 7 }), changed, (arity, indices) => {
      const engine = counting(openEngine('noble'));
      const tree = MerkleTree.build({ arity, leafSizeBytes: 4 }, bytesOf(2000, 1), engine);
      const distinct = new Set(indices);
      let expected = 0;
      let nodes = distinct;
      for (let level = 0; level < tree.shape.levels.length; level += 1) {
        expected += nodes.size;
        nodes = new Set([...nodes].map((node) => Math.floor(node / arity)));
      }
      engine.count = 0;
      tree.updateBatch([...distinct].map((index) => ({ index, bytes: bytesOf(4, index + 9) })));
      assert.equal(engine.count, expected);
    }),
    { numRuns: 60 },
  );
});

test('building hashes every node once, and appending one leaf hashes its path only', () => {
  const engine = counting(openEngine('noble'));
  const tree = MerkleTree.build({ arity: 2, leafSizeBytes: 8 }, bytesOf(8 * 100, 1), engine);
  assert.equal(
    engine.count,
    tree.shape.levels.reduce((sum, count) => sum + count, 0),
  );
  engine.count = 0;
  tree.append(bytesOf(8, 2));
  tree.commit();
  assert.equal(engine.count, tree.shape.levels.length);
});

test('the node that was the root becomes an ordinary node when the tree grows by a level', () => {
  const geometry = { arity: 2, leafSizeBytes: 1 };
  const tree = MerkleTree.build(geometry, bytesOf(8, 1), fastest);
  const data = Uint8Array.from([...bytesOf(8, 1), 7]);
  tree.append(data.subarray(8));
  assert.equal(hex(tree.commit()), hex(referenceRoot(geometry, data)));
});

test('streaming in chunks of any size gives the same root with and without the tree', () => {
  const chunks = fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 25 });
  fc.assert(
    fc.property(geometries, chunks, (geometry, sizes) => {
      const rounded = geometry.leafKind === 'digests' ? sizes.map((size) => 32 * (size % 4)) : sizes;
      const data = bytesOf(
        rounded.reduce((sum, size) => sum + size, 0),
        3,
      );
      const stream = new RootStream(geometry, fastest);
      const tree = MerkleTree.create(geometry, fastest);
      let at = 0;
      for (const size of rounded) {
        stream.append(data.subarray(at, at + size));
        tree.append(data.subarray(at, at + size));
        at += size;
      }
      const expected = hex(referenceRoot(geometry, data));
      assert.equal(hex(tree.commit()), expected);
      assert.equal(hex(stream.finish()), expected);
    }),
    { numRuns: 200 },
  );
});

test('one root stands for one shape: size, arity, leaf size and leaf kind all change it', () => {
  const data = bytesOf(64, 1);
  const roots = [
    MerkleTree.build({ arity: 2, leafSizeBytes: 32 }, data, fastest),
    MerkleTree.build({ arity: 3, leafSizeBytes: 32 }, data, fastest),
    MerkleTree.build({ arity: 2, leafSizeBytes: 64 }, data, fastest),
    MerkleTree.build({ arity: 2, leafSizeBytes: 32, leafKind: 'digests' }, data, fastest),
    MerkleTree.build({ arity: 2, leafSizeBytes: 32 }, data.subarray(0, 63), fastest),
    MerkleTree.build({ arity: 2, leafSizeBytes: 32 }, Uint8Array.from([...data, 0]), fastest),
    MerkleTree.build({ arity: 2, leafSizeBytes: 32 }, new Uint8Array(0), fastest),
  ].map((tree) => hex(tree.root()));
  assert.equal(new Set(roots).size, roots.length);
});

test('a tree with uncommitted changes gives neither root nor proof', () => {
  const tree = MerkleTree.build({ arity: 2, leafSizeBytes: 4 }, bytesOf(40, 1), fastest);
  tree.setLeaf(3, bytesOf(4, 2));
  for (const call of [() => tree.root(), () => tree.prove(3), () => tree.readDigests(0, 0, 1)]) {
    assert.throws(call, (error) => error instanceof MerkleError && error.code === 'MERKLE_UNCOMMITTED');
  }
});

test('the caller cannot reach into the tree through what it gets or gives', () => {
  const tree = MerkleTree.build({ arity: 2, leafSizeBytes: 4 }, bytesOf(40, 1), fastest);
  const before = hex(tree.root());
  tree.root().fill(0);
  tree.readDigests(0, 0, 10).fill(0);
  tree.prove(1).fill(0);
  const leaf = bytesOf(4, 8);
  tree.setLeaf(2, leaf);
  leaf.fill(0);
  const after = hex(tree.commit());
  tree.update(2, bytesOf(40, 1).subarray(8, 12));
  assert.equal(hex(tree.root()), before);
  assert.equal(hex(tree.update(2, bytesOf(4, 8))), after);
});

test('refuses leaves that do not exist or have another length, and shrinking without the new last leaf', () => {
  const tree = MerkleTree.build({ arity: 2, leafSizeBytes: 4 }, bytesOf(10, 1), fastest);
  assert.throws(() => tree.setLeaf(3, new Uint8Array(4)), /index must be an integer from 0 to 2/);
  assert.throws(() => tree.setLeaf(-1, new Uint8Array(4)), RangeError);
  assert.throws(() => tree.setLeaf(0.5, new Uint8Array(4)), RangeError);
  assert.throws(() => tree.setLeaf(1, new Uint8Array(5)), /leaf 1 is 4 bytes long, not 5/);
  assert.throws(() => tree.setLeaf(2, new Uint8Array(4)), /leaf 2 is 2 bytes long, not 4/);
  assert.throws(() => tree.setLeaf(0, 'text' as unknown as Uint8Array), TypeError);
  assert.throws(() => tree.resize(6), /lastLeaf must be the 2 bytes/);
  assert.throws(() => tree.readDigests(0, 2, 2), RangeError);
  assert.equal(tree.root().length, 32);
});

test('takes the largest geometry and refuses one past it', () => {
  const leaf = { arity: 2, leafSizeBytes: 1 };
  assert.equal(treeShape(leaf, LEAVES_MAX).levels[0], LEAVES_MAX);
  assert.throws(() => treeShape(leaf, LEAVES_MAX + 1), /at most 67108864 leaves/);
  assert.equal(treeShape({ arity: ARITY_MAX, leafSizeBytes: 1 }, ARITY_MAX).levels.length, 2);
  assert.throws(
    () => treeShape({ arity: ARITY_MAX + 1, leafSizeBytes: 1 }, 1),
    /arity must be an integer from 2 to 4096/,
  );
  assert.throws(() => treeShape({ arity: 1, leafSizeBytes: 1 }, 1), RangeError);
  assert.throws(() => treeShape({ arity: 2, leafSizeBytes: 0 }, 1), /leafSizeBytes/);
  assert.throws(() => treeShape({ arity: 2, leafSizeBytes: 2 ** 26 + 1 }, 1), RangeError);
  assert.throws(() => treeShape({ arity: 2, leafSizeBytes: 16, leafKind: 'digests' }, 32), /must be 32/);
  assert.throws(() => treeShape({ arity: 2, leafSizeBytes: 32, leafKind: 'digests' }, 33), /multiple of 32/);
  assert.throws(() => treeShape({ arity: '2' as unknown as number, leafSizeBytes: 1 }, 1), TypeError);
});

test('a tree whose levels the engine gave, as it grows, changes and shrinks, has the root of the oracle', () => {
  const digests = Uint8Array.from({ length: 40_000 * 32 }, (_, at) => (at * 2654435761) >>> 13);
  for (const arity of [2, 3, 5, 32]) {
    const geometry: TreeGeometry = { arity, leafSizeBytes: 32, leafKind: 'digests' };
    const [quick, oracle] = ['fastest', 'node'].map((name) => MerkleTree.create(geometry, openEngine(name as 'node')));
    assert.ok(quick !== undefined && oracle !== undefined);
    const both = (change: (tree: MerkleTree) => unknown): void => {
      change(quick);
      change(oracle);
      assert.deepEqual(quick.commit(), oracle.commit(), `arity ${arity}`);
    };
    for (const leaves of [5000, 5001, 17_000, 17_999]) both((tree) => tree.append(digests.subarray(0, leaves * 32)));
    for (const count of [1, 2, 700]) {
      const changes = Array.from({ length: count }, (_, k) => ({ index: (k * 7919) % 40_000, bytes: digests.slice(k, k + 32) })); // prettier-ignore
      both((tree) => tree.updateBatch(changes));
    }
    both((tree) => tree.resize(12_345 * 32));
    both((tree) => tree.append(digests.subarray(0, 320)));
  }
});
