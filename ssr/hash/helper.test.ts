/** The engine `parallel` and its helper thread: same digests, no trace when it ends, no harm when it fails. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { HashBatch, HashEngine } from '../hash-engine.ts';
import { MerkleError, MerkleTree } from '../merkle.ts';
import type { TreeGeometry } from '../merkle/shape.ts';
import type { HelperData } from './helper-thread.ts';
import { currentHelper, Helper, HelperLostError } from './helper.ts';
import { compiledModule } from './kernel.ts';
import { openEngine } from './open.ts';
import type { OddData } from './testing/odd-helper.ts';
import { arenaOf, hashInArena } from './wasm-arena.ts';

const LEAVES = 3 ** 9;
const geometryOf = (arity: number): TreeGeometry => ({ arity, leafSizeBytes: 32, leafKind: 'digests' });

let state = 1;
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}
const randomBytes = (sizeBytes: number): Uint8Array => Uint8Array.from({ length: sizeBytes }, () => random(256));

function randomChanges(count: number): { readonly index: number; readonly bytes: Uint8Array }[] {
  return Array.from({ length: count }, () => ({ index: random(LEAVES), bytes: randomBytes(32) }));
}

test('thousands of batches of all sizes give the roots that OpenSSL gives, and the helper has hashed some of them', () => {
  assert.ok(availableParallelism() >= 2, 'this test needs two processors');
  const leaves = randomBytes(32 * LEAVES);
  const pairs = [2, 3, 5, 6].map((arity) =>
    (['parallel', 'node'] as const).map((name) => MerkleTree.build(geometryOf(arity), leaves, openEngine(name))),
  );
  const giveUpAt = performance.now() + 60_000;
  for (
    let round = 0;
    round < 500 || ((currentHelper()?.groupsHashed ?? 0) < 1000 && performance.now() < giveUpAt);
    round += 1
  ) {
    // prettier-ignore
    const changes = randomChanges(random(10) === 0 ? 3000 : 20 + random(80));
    for (const trees of pairs) {
      const [together, alone] = trees.map((tree) => Buffer.from(tree.updateBatch(changes)).toString('hex'));
      assert.equal(together, alone, `round ${round}, ${changes.length} changes`);
    }
  }
  assert.ok((currentHelper()?.groupsHashed ?? 0) >= 1000, `${currentHelper()?.groupsHashed} groups by the helper`);
});

/** A batch in shared memory, done by a helper that does not do as it should, and what OpenSSL makes of it. */
function oddly(does: OddData['does'], patienceMs: number): { readonly helper: Helper; readonly hash: () => boolean } {
  const [nodes, bodySizeBytes] = [4000, 96];
  const [source, out] = openEngine('parallel').allocate?.([nodes * bodySizeBytes, nodes * 32]) ?? [];
  const module = compiledModule('shared');
  assert.ok(source !== undefined && out !== undefined && module !== undefined);
  source.set(randomBytes(source.length));
  const indices = Uint32Array.from({ length: nodes }, (_, k) => k);
  const place = { source, sourceStart: 0, strideBytes: bodySizeBytes, bodySizeBytes, gather: true, indices };
  const batch: HashBatch = { prefix: randomBytes(16).fill(0, 8), ...place, count: nodes, out };
  const expected: Uint8Array = new Uint8Array(out.length);
  openEngine('node').hashMany({ ...batch, out: expected });
  const arena = arenaOf(batch);
  assert.ok(arena !== undefined);
  const program = new URL('./testing/odd-helper.js', import.meta.url);
  const start = (data: HelperData): Worker => new Worker(program, { workerData: { ...data, does } satisfies OddData });
  const helper = new Helper(module, start, patienceMs);
  const hash = (): boolean => {
    out.fill(0);
    hashInArena(arena, batch, (where, job) => helper.hash(where, job));
    return Buffer.compare(out, expected) === 0;
  };
  return { helper, hash };
}

/** Hashes until the helper has come; the event loop turns in between. */
async function hashUntil(hash: () => boolean, isEnough: () => boolean): Promise<void> {
  for (const giveUpAt = performance.now() + 30_000; !isEnough() && performance.now() < giveUpAt;) {
    assert.ok(hash());
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a helper that dies before it is in a job is missing and nothing else', async () => {
  const { helper, hash } = oddly('die', 1000);
  await hashUntil(hash, () => helper.isGone);
  assert.ok(helper.isGone);
  assert.ok(hash());
});

test('a helper whose part comes late is waited for', async () => {
  const { helper, hash } = oddly('tarry', 30_000);
  await hashUntil(hash, () => helper.groupsHashed > 0);
  assert.ok(helper.groupsHashed > 0);
  helper.end();
});

for (const does of ['stay', 'fail'] as const) {
  test(`hashing throws when the helper has claimed a part and does not do it (${does}), and goes on without it`, async () => {
    const { helper, hash } = oddly(does, 500);
    await assert.rejects(
      hashUntil(hash, () => false),
      (error) => error instanceof HelperLostError && error.code === 'HASH_HELPER_LOST',
    );
    assert.ok(helper.isGone);
    assert.ok(hash());
  });
}

test('a tree whose engine threw in a commit never gives a root again', () => {
  let isBroken = false;
  const node = openEngine('node');
  const engine: HashEngine = {
    ...node,
    hashMany(batch) {
      if (isBroken && batch.prefix[1] === 3) throw new HelperLostError();
      node.hashMany(batch);
    },
  };
  const tree = MerkleTree.build(geometryOf(3), randomBytes(32 * LEAVES), engine);
  isBroken = true;
  assert.throws(() => tree.updateBatch(randomChanges(50)), HelperLostError);
  isBroken = false;
  const refusal = (code: string) => (error: unknown) => error instanceof MerkleError && error.code === code;
  assert.throws(() => tree.commit(), refusal('MERKLE_COMMIT_FAILED'));
  assert.throws(() => tree.updateBatch(randomChanges(50)), refusal('MERKLE_COMMIT_FAILED'));
  assert.throws(() => tree.root(), refusal('MERKLE_UNCOMMITTED'));
  assert.throws(() => tree.prove(0), refusal('MERKLE_UNCOMMITTED'));
});

const moduleOf = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
const PRELUDE = `
  import { openEngine } from ${moduleOf('./open.js')};
  import { currentHelper } from ${moduleOf('./helper.js')};
  import { MerkleTree } from ${moduleOf('../merkle.js')};
  const geometry = { arity: 5, leafSizeBytes: 32, leafKind: 'digests' };
  const engine = openEngine('parallel');
  const build = (leaves) => MerkleTree.build(geometry, new Uint8Array(32 * leaves), engine);
  const turn = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));
`;

/** Runs a program in a process of its own, to its end, and returns what it prints. */
function run(program: string, command: readonly string[] = [process.execPath]): string {
  const [file = '', ...args] = [...command, '--input-type=module', '--eval', PRELUDE + program];
  const { status, stdout, stderr, signal } = spawnSync(file, args, { encoding: 'utf8', timeout: 60_000, cwd: fileURLToPath(new URL('.', import.meta.url)) }); // prettier-ignore
  assert.equal(status, 0, `${signal} ${stderr}`);
  return stdout.trim();
}

test('a process ends when its work is done, be the helper starting, asleep or ended', () => {
  const root = run(`console.log(Buffer.from(build(2 ** 15).root()).toString('hex'))`);
  assert.equal(run(`const tree = build(2 ** 15); await turn(300); console.log(Buffer.from(tree.root()).toString('hex'))`), root); // prettier-ignore
  assert.equal(run(`const tree = build(2 ** 15); currentHelper().end(); console.log(Buffer.from(tree.root()).toString('hex'))`), root); // prettier-ignore
  const alone = MerkleTree.build(geometryOf(5), new Uint8Array(2 ** 20), openEngine('node')).root();
  assert.equal(root, Buffer.from(alone).toString('hex'));
});

/** Prints whether there is a helper, and the root. */
const HELPED = `
  const tree = build(2 ** 15);
  console.log(currentHelper() !== undefined, Buffer.from(tree.root()).toString('hex'));
`;

test('on one processor there is no helper, and the digests are the same', () => {
  const [isHelped, root] = run(HELPED).split(' ');
  assert.equal(isHelped, 'true');
  assert.equal(run(HELPED, ['taskset', '--cpu-list', '0', process.execPath]), `false ${root}`);
});

test('where no thread is to be had, one thread hashes alone', () => {
  const [, root] = run(HELPED).split(' ');
  assert.equal(run(HELPED, [process.execPath, '--experimental-permission', '--allow-fs-read=*']), `false ${root}`);
});

test('trees that are garbage give their memory back, though V8 does not count what threads share', () => {
  // Sixty trees of 10 MB each: all of them together would be 600 MB.
  const program = `
    build(2 ** 18);
    await turn(200);
    const before = process.memoryUsage().rss;
    const helpers = new Set();
    let most = 0;
    for (let k = 0; k < 60; k += 1) {
      build(2 ** 18);
      helpers.add(currentHelper());
      await turn(20);
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    console.log(Math.round(most / 2 ** 20), helpers.size);
  `;
  const [mostMiB = Infinity, helpers = 0] = run(program).split(' ').map(Number);
  assert.ok(mostMiB < 400, `${mostMiB} MiB`);
  assert.ok(helpers > 1, 'a helper lets go by ending');
});

test('trees that are garbage are bounded in number even if the event loop never turns', () => {
  const program = `
    for (let k = 0; k < 60; k += 1) build(2 ** 18);
    console.log(Math.round(process.memoryUsage().rss / 2 ** 20));
  `;
  const usedMiB = Number(run(program));
  assert.ok(usedMiB < 400, `${usedMiB} MiB`);
});
