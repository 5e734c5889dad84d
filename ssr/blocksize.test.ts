import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitCost, CostTerms, HashCost, PlanRequest, Workload } from './blocksize.ts';
import {
  closedFormJoint,
  closedFormLeafBytes,
  commitCost,
  linearHashCost,
  planBlockSize,
  SHA1_2004,
  sha1Cost2004,
  shaEdgeAtOrAbove,
  touchedNodes,
  wholeRegionUs,
} from './blocksize.ts';
import { seededRandom } from './blocksize/random.ts';
import { commitSampler, touchedLeaves } from './blocksize/sample.ts';

const MIB = 2 ** 20;
const uniform: Workload = { kind: 'uniform' };
const line = sha1Cost2004(false);
const stepped = sha1Cost2004(true);

function uniformCost(sizeBytes: number, updates: number, hash: HashCost, leafSizeBytes: number, arity = 2): number {
  return commitCost({ leafSizeBytes, arity }, sizeBytes, touchedNodes(uniform, sizeBytes, updates), { hash }).totalUs;
}

function request(sizeBytes: number, updates: number, hash: HashCost, arities?: readonly number[]): PlanRequest {
  return { sizeBytes, updates, workload: uniform, terms: { hash }, ...(arities && { space: { arities } }) };
}

/** Region in MiB, updates, best leaf, then the cost in us of the best, 55, 183, 1024 and 4096 bytes: binary, prices of 2004. */
const TABLE_2004: readonly (readonly [number, number, number, ...string[]])[] = [
  [1, 1, 128, '15.43', '16.75', '16.00', '21.63', '51.45'],
  [1, 100, 128, '865.48', '920.44', '871.88', '1441.78', '3766.84'],
  [1, 1000, 152, '5200.30', '5745.79', '5218.80', '8167.19', '11091.45'],
  [16, 1000, 147, '9352.17', '9872.63', '9398.33', '15278.70', '40757.95'],
  [64, 1, 128, '21.66', '22.97', '22.23', '27.85', '57.67'],
  [64, 100, 128, '1487.66', '1542.48', '1494.52', '2106.24', '5077.09'],
  [64, 1e4, 147, '79789.39', '84991.92', '80201.49', '135183.51', '337112.42'],
  [64, 1e5, 164, '452513.31', '508576.12', '453232.00', '643551.04', '722455.82'],
  [256, 1000, 147, '13500.86', '14019.67', '13548.99', '19683.50', '49214.93'],
  [256, 1e5, 148, '660672.59', '713307.22', '664012.42', '1127766.46', '2279578.13'],
];

for (const [mib, updates, best, ...costs] of TABLE_2004) {
  test(`prices of 2004, ${mib} MiB, ${updates} updates: every printed cost, and ${best} bytes as the best leaf`, () => {
    const printed = [best, 55, 183, 1024, 4096].map((leaf) => uniformCost(mib * MIB, updates, line, leaf).toFixed(2));
    assert.deepEqual(printed, costs);
    const { choice } = planBlockSize(request(mib * MIB, updates, line, [2]));
    assert.equal(choice.leafSizeBytes, best);
    assert.equal(choice.totalUs.toFixed(2), costs[0]);
  });

  test(`with whole SHA blocks, ${mib} MiB and ${updates} updates, the best leaf is 183 bytes`, () => {
    assert.equal(planBlockSize(request(mib * MIB, updates, stepped, [2])).choice.leafSizeBytes, 183);
  });
}

test('the search finds what trying every leaf size finds', () => {
  for (const [sizeBytes, updates, arity] of [
    [MIB, 1000, 2],
    [16 * MIB, 300, 3],
    [1_000_003, 50, 5],
    [64 * MIB, 1e4, 6],
  ] as const) {
    for (const hash of [line, stepped]) {
      let best = Infinity;
      for (let leaf = 16; leaf <= 2048; leaf += 1)
        best = Math.min(best, uniformCost(sizeBytes, updates, hash, leaf, arity));
      const found = planBlockSize(request(sizeBytes, updates, hash, [arity])).choice.totalUs;
      assert.ok(found <= best * (1 + 1e-9), `${sizeBytes}/${updates}/${arity}: found ${found}, best ${best}`);
    }
  }
});

test('whole SHA blocks cost what they should', () => {
  assert.equal(uniformCost(MIB, 100, stepped, 183).toFixed(2), '1030.58');
  assert.equal(uniformCost(64 * MIB, 1e4, stepped, 183).toFixed(2), '94417.39');
});

test('the closed form gives 144.1 bytes for 2004 and snaps to 183; arity and leaf together 4.97 and 99.3', () => {
  const leaf = closedFormLeafBytes(2, SHA1_2004.perByteUs, SHA1_2004.fixedUs, SHA1_2004.digestSizeBytes);
  assert.equal(leaf.toFixed(1), '144.1');
  assert.equal(shaEdgeAtOrAbove(leaf), 183);
  const joint = closedFormJoint(SHA1_2004.perByteUs, SHA1_2004.fixedUs, SHA1_2004.digestSizeBytes);
  assert.deepEqual([joint.arity.toFixed(2), joint.leafSizeBytes.toFixed(1)], ['4.97', '99.3']);
  assert.ok(Math.abs(closedFormJoint(1, 0, 32).arity - Math.E) < 1e-9, 'with free hashes the best arity is e');
});

test('SHA edges are 64k - 9: the edge itself needs no more blocks, one byte more does', () => {
  const edges = [55, 119, 183, 247, 311, 375, 439, 503];
  assert.deepEqual(
    edges.map((edge) => shaEdgeAtOrAbove(edge)),
    edges,
  );
  assert.deepEqual(
    edges.slice(0, -1).map((edge) => shaEdgeAtOrAbove(edge + 1)),
    edges.slice(1),
  );
  assert.equal(shaEdgeAtOrAbove(100, 16), 103);
});

test('arity and leaf together are 28 to 30 % cheaper than the best binary tree', () => {
  const one = planBlockSize(request(64 * MIB, 1, line)).choice;
  assert.deepEqual([one.arity, one.leafSizeBytes, one.totalUs.toFixed(2)], [5, 172, '15.69']);
  const hundred = planBlockSize(request(64 * MIB, 100, line)).choice;
  assert.deepEqual([hundred.arity, hundred.leafSizeBytes, hundred.totalUs.toFixed(1)], [5, 96, '1037.8']);
  assert.equal(Math.round(uniformCost(64 * MIB, 1e4, line, 82, 6)), 55_756);
  const many = planBlockSize(request(64 * MIB, 1e4, line)).choice;
  assert.ok(many.arity === 6 && many.totalUs <= 55_756, 'a finer search finds a slightly cheaper leaf than 82 bytes');
  const binary = [21.66, 1487.66, 79789.39];
  [one, hundred, many].forEach((choice, k) => {
    const saved = 1 - choice.totalUs / (binary[k] ?? 0);
    assert.ok(saved > 0.27 && saved < 0.31, `saved ${saved}`);
  });
});

test('hashing the whole region wins for dense updates only', () => {
  assert.equal(wholeRegionUs(MIB, { hash: line }).toFixed(1), '10476.6');
  assert.equal(Math.round(wholeRegionUs(64 * MIB, { hash: line })), 670_504);
  assert.equal(planBlockSize(request(MIB, 1000, line, [2])).use, 'tree');
  assert.equal(planBlockSize(request(MIB, 1e4, line, [2])).use, 'whole-region');
  assert.equal(planBlockSize(request(64 * MIB, 1e5, line, [2])).use, 'tree');
  const dense = planBlockSize(request(64 * MIB, 1e6, line, [2]));
  assert.equal(dense.use, 'whole-region');
  // Dense updates rehash everything: any tree costs a f = 696,858 us and a little; larger leaves only bring it nearer.
  assert.ok(dense.choice.totalUs > 696_858 && dense.choice.totalUs < 700_000, `${dense.choice.totalUs}`);
  // Half as many updates as bytes: no tree, however cheap one looks.
  const free = linearHashCost({
    ...SHA1_2004,
    name: 'free nodes',
    fixedUs: 0,
    wholeRegionPerByteUs: 1,
    stepped: false,
    prefixSizeBytes: 0,
  });
  assert.equal(planBlockSize(request(1024, 511, free, [2])).use, 'tree');
  assert.equal(planBlockSize(request(1024, 512, free, [2])).use, 'whole-region');
});

test('on a wider grid 4 KiB leaves lose 2.5 to 4.4 times when updates are sparse', () => {
  for (const mib of [1, 16, 64, 256]) {
    const ratio =
      uniformCost(mib * MIB, 100, line, 4096) / planBlockSize(request(mib * MIB, 100, line, [2])).choice.totalUs;
    assert.ok(ratio > 2.5 && ratio < 4.4, `${mib} MiB: ${ratio}`);
  }
});

/** Expected touched nodes over all levels by the model. */
function modelNodes(
  workload: Workload,
  sizeBytes: number,
  updates: number,
  leafSizeBytes: number,
  arity: number,
): number {
  const cost = commitCost({ leafSizeBytes, arity }, sizeBytes, touchedNodes(workload, sizeBytes, updates), {
    hash: line,
  });
  return cost.touchedLeaves + cost.touchedNodes;
}

/** The same by drawing commits and counting. */
function simulatedNodes(
  workload: Workload,
  sizeBytes: number,
  updates: number,
  leafSizeBytes: number,
  arity: number,
  commits: number,
): number {
  const next = commitSampler(workload, sizeBytes, updates, seededRandom(42));
  let total = 0;
  for (let commit = 0; commit < commits; commit += 1) {
    let nodes = touchedLeaves(next(), leafSizeBytes);
    for (let count = Math.ceil(sizeBytes / leafSizeBytes); ; count = Math.ceil(count / arity)) {
      total += nodes.size;
      if (count === 1) break;
      nodes = new Set([...nodes].map((node) => Math.floor(node / arity)));
    }
  }
  return total / commits;
}

for (const [sizeBytes, leaf, arity, updates, expected] of [
  [MIB, 183, 2, 100, '698.746'],
  [MIB, 64, 2, 1000, '5174.168'],
  [MIB, 1024, 4, 500, '700.547'],
  [1_000_003, 119, 3, 250, '1025.697'],
  [4 * MIB, 4096, 16, 300, '328.591'],
  [65_536, 183, 5, 2000, '448.155'],
] as const) {
  test(`uniform: ${sizeBytes} B, leaf ${leaf}, arity ${arity}, n ${updates} touches ${expected} nodes, by formula and by simulation`, () => {
    assert.equal(modelNodes(uniform, sizeBytes, updates, leaf, arity).toFixed(3), expected);
    const simulated = simulatedNodes(uniform, sizeBytes, updates, leaf, arity, 60);
    assert.ok(Math.abs(simulated / Number(expected) - 1) < 0.01, `simulated ${simulated}`);
  });
}

for (const order of ['contiguous', 'scrambled'] as const) {
  for (const exponent of [0.8, 1.0, 1.2]) {
    test(`Zipf ${exponent} ${order}: model and simulation agree within 1 %`, () => {
      const workload: Workload = { kind: 'zipf', exponent, order, itemCount: 65_536 };
      for (const [leaf, arity] of [
        [176, 2],
        [240, 2],
        [1000, 5],
        [8, 2],
      ] as const) {
        const model = modelNodes(workload, MIB, 1000, leaf, arity);
        const simulated = simulatedNodes(workload, MIB, 1000, leaf, arity, 25);
        assert.ok(Math.abs(simulated / model - 1) < 0.01, `leaf ${leaf}: model ${model}, simulated ${simulated}`);
      }
    });
  }
}

test('Zipf, SHA blocks: 176 bytes is the best of the usual sizes in all six cases; scattering costs 29 to 101 % more', () => {
  const grid = [64, 80, 96, 112, 128, 176, 256, 512, 1024, 2048, 4096];
  for (const exponent of [0.8, 1.0, 1.2]) {
    const costs = (['contiguous', 'scrambled'] as const).map((order) => {
      const touched = touchedNodes({ kind: 'zipf', exponent, order, itemCount: 65_536 }, MIB, 1000);
      const all = grid.map((leafSizeBytes) => commitCost({ leafSizeBytes, arity: 2 }, MIB, touched, { hash: stepped }));
      const best = all.reduce((a: CommitCost, b) => (b.totalUs < a.totalUs ? b : a));
      assert.equal(best.leafSizeBytes, 176);
      return best.totalUs;
    });
    const ratio = (costs[1] ?? 0) / (costs[0] ?? 1);
    assert.ok(ratio > 1.28 && ratio < 2.01, `exponent ${exponent}: ${ratio}`);
  }
});

test('sequential runs: one run as by its formula; a slight over-estimate near the root', () => {
  const workload: Workload = { kind: 'sequential', runBytes: 5000 };
  const touched = touchedNodes(workload, MIB, 1);
  assert.equal(touched(1000), 1 + 4999 / 1000);
  assert.equal(touchedNodes({ kind: 'sequential', runBytes: MIB }, MIB, 1)(MIB / 2), 2);
  for (const [leaf, arity] of [
    [183, 2],
    [4096, 8],
  ] as const) {
    const model = modelNodes(workload, MIB, 1, leaf, arity);
    const simulated = simulatedNodes(workload, MIB, 1, leaf, arity, 4000);
    assert.ok(Math.abs(model / simulated - 1) < 0.01, `leaf ${leaf}: model ${model}, simulated ${simulated}`);
  }
  const many = modelNodes(workload, 16 * MIB, 20, 512, 4);
  assert.ok(Math.abs(many / simulatedNodes(workload, 16 * MIB, 20, 512, 4, 300) - 1) < 0.01);
});

test('a trace is counted exactly: overlapping, touching and repeated accesses count a node once', () => {
  const commits = [
    [
      { offset: 100, lengthBytes: 100 },
      { offset: 0, lengthBytes: 1 },
      { offset: 150, lengthBytes: 1 },
      { offset: 199, lengthBytes: 2 },
    ],
    [{ offset: 999, lengthBytes: 1 }],
  ];
  const touched = touchedNodes({ kind: 'trace', commits }, 1000, 1);
  assert.equal(touched(100), (3 + 1) / 2); // leaves 0, 1, 2; then leaf 9
  assert.equal(touched(50), (4 + 1) / 2); // 0, 2, 3, 4; then 19
  assert.equal(touched(1000), 1);
  assert.throws(() => touchedNodes({ kind: 'trace', commits }, 999, 1)(10), /outside the 999 bytes/);
});

test('cipher, disk and TPM have their terms', () => {
  const terms: CostTerms = {
    hash: line,
    cipher: { fixedUs: 4, perByteUs: 0.001 },
    disk: { fixedUs: 5, perByteUs: 0.01, sectorSizeBytes: 512 },
    tpmCommitUs: 600,
  };
  const touched = touchedNodes(uniform, MIB, 10);
  const plain = commitCost({ leafSizeBytes: 600, arity: 4 }, MIB, touched, { hash: line });
  const full = commitCost({ leafSizeBytes: 600, arity: 4 }, MIB, touched, terms);
  const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-9 * b, `${a} ${b}`);
  near(full.cipherUs, full.touchedLeaves * 4.6);
  near(full.diskUs, full.touchedLeaves * (5 + 10.24) + full.touchedNodes * (5 + 5.12));
  near(full.totalUs, plain.totalUs + full.cipherUs + full.diskUs + 600);
  // A disk that charges by the write makes larger leaves and wider nodes the better choice.
  const withDisk = planBlockSize({ sizeBytes: 64 * MIB, updates: 100, workload: uniform, terms });
  assert.ok(withDisk.choice.leafSizeBytes > 300 && withDisk.choice.arity > 5, JSON.stringify(withDisk.choice));
});

test('leaf sizes keep to the multiple asked for', () => {
  const plan = planBlockSize({ ...request(MIB, 100, line), space: { leafMultipleBytes: 512 } });
  for (const cost of [plan.choice, ...plan.runnersUp]) assert.equal(cost.leafSizeBytes % 512, 0);
  assert.throws(
    () => planBlockSize({ ...request(MIB, 100, line), space: { leafMinBytes: 100, leafMaxBytes: 90 } }),
    RangeError,
  );
});

test('parameters out of range are refused by name', () => {
  assert.throws(() => planBlockSize(request(0, 1, line)), /sizeBytes/);
  assert.throws(() => planBlockSize(request(10, 0, line)), /updates/);
  assert.throws(() => touchedNodes({ kind: 'sequential', runBytes: 11 }, 10, 1), /run/);
  assert.throws(() => touchedNodes({ kind: 'zipf', exponent: -1, order: 'contiguous' }, 100, 1), /exponent/);
  assert.throws(
    () => touchedNodes({ kind: 'zipf', exponent: 1, order: 'contiguous', itemCount: 65_537 }, 100, 1),
    /items/,
  );
  assert.throws(() => touchedNodes({ kind: 'trace', commits: [] }, 100, 1), /trace/);
});

test('a region of one byte has a plan', () => {
  const { choice } = planBlockSize(request(1, 1, line));
  assert.equal(choice.levels, 1);
});
