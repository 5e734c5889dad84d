/**
 * What a volume costs beside its floor, as ratios taken in one run on one disk and one TPM.
 *
 * The floor of a commit is one fdatasync and one authorized NV write, each measured alone. The fdatasync comes after the very
 * writes of the commit before it, at the same places of another file: what a flush costs depends on how many ranges of the disk
 * it is about, and on whether these were flushed just before: so there is one in a round, as there is one in a commit. It is made
 * as a call and as a promise by turns, for which of them is faster depends on the load of the machine, and the lower median counts.
 * The floor of reading and writing is AES-256-GCM block by block over a plain file, with tags kept in memory: encryption without a tree, without freshness,
 * without copy-on-write. Medians; rows alternate between the two sides, for a shared machine drifts. The first rounds of a commit and
 * its floor are not counted: a commit is many functions that run once or twice in a round, and V8 has compiled most of them after
 * a thousand and more, where it has the few of the floor after some hundred.
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, randomInt } from 'node:crypto';
import { closeSync, fdatasync, fdatasyncSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openAnchor } from './anchor.ts';
import { chooseAnchorPlace, formatAnchor } from './anchor.ts';
import { randomNonces } from './block-cipher.ts';
import { beginAccess, releaseStorageKey } from './keys.ts';
import { createVolume } from './create-volume.ts';
import { openVolume } from './open-volume.ts';
import { openFileStore } from './store/file-store.ts';
import { watchWrites } from './store/watch-writes.ts';
import type { Write } from './store/watch-writes.ts';
import { nodeCrypto } from './tpm/crypto-node.ts';
import { Tpm } from './tpm/client.ts';
import { SimulatedTpm } from './tpm/simulated.ts';
import { isSwtpmInstalled, startSwtpm } from './tpm/swtpm.ts';
import type { Volume } from './volume.ts';

const fdatasyncSoon = promisify(fdatasync);

const BLOCK = 4096;
/** Of the rounds of a commit and its floor so many are not counted. */
const WARM_SHARE = 0.4;
const COMMITS = 4000;
const READS = 4000;
const GATHER_BLOCKS = 64;

export interface SsrBenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it is compared with, in the same unit. */
  readonly floor?: number;
  /** How `value` and `floor` make the ratio is in the name. */
  readonly ratio?: number;
  readonly target?: string;
  /** Undefined for rows without a target. */
  readonly isMet?: boolean;
}

export interface SsrBenchOptions {
  readonly directory?: string;
  /** Bytes of the sequential rows. */
  readonly size: number;
  /** Rounds of the commit row; 4000 by default. */
  readonly commits?: number;
  readonly onProgress?: (text: string) => void;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** What a commit leaves for when there is time is done before the next clock starts. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function timeUs(body: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  await body();
  return (performance.now() - start) * 1000;
}

interface Bench {
  readonly directory: string;
  readonly tpm: Tpm;
  readonly tpmName: string;
}

/** @throws SwtpmError if swtpm is there but does not start */
export async function benchSsr(options: SsrBenchOptions): Promise<SsrBenchRow[]> {
  const directory = mkdtempSync(join(options.directory ?? tmpdir(), 'refmon-bench-ssr-'));
  const swtpm = isSwtpmInstalled() ? await startSwtpm() : undefined;
  const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
  const tpm = new Tpm(swtpm?.transport ?? simulated.transport(), { crypto: nodeCrypto });
  const bench = { directory, tpm, tpmName: swtpm === undefined ? 'simulated TPM' : 'swtpm' };
  const tell = options.onProgress ?? (() => undefined);
  try {
    await tpm.startup();
    tell('commits');
    const rows = await commitRows(bench, options.commits ?? COMMITS);
    tell('sequential writes');
    rows.push(await writeRow(bench, options.size));
    tell('random reads');
    rows.push(...(await readRows(bench, options.size)));
    tell('opening');
    rows.push(await openRow(bench));
    return rows;
  } finally {
    await swtpm?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function commitRows({ directory, tpm, tpmName }: Bench, rounds: number): Promise<SsrBenchRow[]> {
  const access = await beginAccess(tpm);
  const secret = Uint8Array.from(randomBytes(32));
  const nv = { tpm, session: access.session, secret };
  const place = await chooseAnchorPlace(tpm, 2);
  let epoch = 2;
  await formatAnchor(nv, place, { epoch, digest: new Uint8Array(32) });
  await releaseStorageKey(access);
  const anchor = openAnchor(nv, place);
  await anchor.read();

  const writes: Write[] = [];
  const store = watchWrites(openFileStore({ path: join(directory, 'commits'), open: 'new' }), writes);
  const volume = await createVolume({ store, tpm });
  const region = volume.create('a', { sizeBytes: 64 * BLOCK });
  await volume.commit();
  const plain = openSync(join(directory, 'plain'), 'w');
  const block = Uint8Array.from(randomBytes(BLOCK));
  const bytes = Uint8Array.from(randomBytes(64 * BLOCK));
  const writeTheSame = (): void => {
    for (const { offset, sizeBytes } of writes) writeSync(plain, bytes, 0, sizeBytes, offset);
  };
  const commitOne = async (turn: number): Promise<void> => {
    region.write((turn % 64) * BLOCK, block);
    await volume.commit();
  };
  const nvBefore = volume.nvWrites;
  const commits: number[] = [];
  const flushes = { called: [] as number[], awaited: [] as number[] };
  const advances: number[] = [];
  for (let n = 0; n < rounds; n += 1) {
    if (n === Math.floor(rounds * WARM_SHARE))
      for (const times of [commits, flushes.called, flushes.awaited, advances]) times.length = 0;
    writes.length = 0;
    commits.push(await timeUs(() => commitOne(n)));
    await nextTurn();
    // What any store must do for it: these writes made durable; then the TPM.
    writeTheSame();
    if (n % 2 === 0) flushes.called.push(await timeUs(() => fdatasyncSync(plain)));
    else flushes.awaited.push(await timeUs(() => fdatasyncSoon(plain)));
    epoch += 1;
    advances.push(await timeUs(() => anchor.advance({ epoch, digest: block.subarray(0, 32) }, Promise.resolve())));
  }
  closeSync(plain);
  const nvWrites = (volume.nvWrites - nvBefore) / rounds;
  const inARow: number[] = [];
  for (let n = 0; n < Math.ceil(rounds / 4); n += 1) inARow.push(await timeUs(() => commitOne(n)));
  await volume.close();
  await tpm.endSession(access.session);
  const flush = Math.min(median(flushes.called), median(flushes.awaited));
  const [commit, advance] = [median(commits), median(advances)];
  const ratio = commit / (flush + advance);
  return [
    { name: 'NV writes per commit', value: nvWrites, unit: '', target: '1', isMet: nvWrites === 1 },
    { name: 'flush (fdatasync)', value: flush, unit: 'us' },
    { name: `NV write, HMAC session, encrypted (${tpmName})`, value: advance, unit: 'us' },
    {
      name: 'sync commit of one block / (flush + NV write)',
      value: commit,
      unit: 'us',
      floor: flush + advance,
      ratio,
      target: '<= 1.3',
      isMet: ratio <= 1.3,
    },
    {
      name: 'the same, each right after the one before',
      value: median(inARow),
      unit: 'us',
      floor: flush + advance,
      ratio: median(inARow) / (flush + advance),
    },
  ];
}

/** AES-256-GCM over a file, without a tree. */
function plainFile(path: string) {
  const descriptor = openSync(path, 'w+');
  const key = createSecretKey(randomBytes(32));
  const nonces = randomNonces();
  const seals: { nonce: Uint8Array; tag: Uint8Array }[] = [];
  const gathered = new Uint8Array(GATHER_BLOCKS * BLOCK);
  return {
    /** Gathers writes as a volume does. */
    write(bytes: Uint8Array): void {
      const blocks = bytes.length / BLOCK;
      for (let index = 0; index < blocks; index += 1) {
        const nonce = nonces.next().slice();
        const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
        gathered.set(
          cipher.update(bytes.subarray(index * BLOCK, (index + 1) * BLOCK)),
          (index % GATHER_BLOCKS) * BLOCK,
        );
        cipher.final();
        seals[index] = { nonce, tag: cipher.getAuthTag() };
        if ((index + 1) % GATHER_BLOCKS === 0) {
          writeSync(descriptor, gathered, 0, gathered.length, (index + 1 - GATHER_BLOCKS) * BLOCK);
        }
      }
      fdatasyncSync(descriptor);
    },
    read(index: number): Uint8Array {
      const block = new Uint8Array(BLOCK);
      readSync(descriptor, block, 0, BLOCK, index * BLOCK);
      const seal = seals[index];
      if (seal === undefined) return block;
      const decipher = createDecipheriv('aes-256-gcm', key, seal.nonce, { authTagLength: 16 });
      decipher.setAuthTag(seal.tag);
      const plain = decipher.update(block);
      decipher.final();
      return plain;
    },
    close: () => {
      closeSync(descriptor);
    },
  };
}

async function writeRow({ directory, tpm }: Bench, size: number): Promise<SsrBenchRow> {
  const bytes = Uint8Array.from(randomBytes(Math.max(BLOCK * GATHER_BLOCKS, size - (size % (BLOCK * GATHER_BLOCKS)))));
  const ours: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const path = join(directory, `write-${round}`);
    const file = plainFile(`${path}-plain`);
    plain.push(await timeUs(() => file.write(bytes)));
    file.close();
    rmSync(`${path}-plain`);
    const volume = await createVolume({ store: openFileStore({ path, open: 'new' }), tpm });
    ours.push(
      await timeUs(() =>
        volume.transaction((transaction) => transaction.create('a', { sizeBytes: bytes.length }).write(0, bytes)),
      ),
    );
    await volume.close();
    rmSync(path);
  }
  const perSecond = (us: number): number => bytes.length / us / 1.048576;
  const [value, floor] = [perSecond(median(ours)), perSecond(median(plain))];
  const ratio = value / floor;
  return {
    name: 'sequential write / plain AES-GCM file',
    value,
    floor,
    unit: 'MiB/s',
    ratio,
    target: '>= 0.6',
    isMet: ratio >= 0.6,
  };
}

async function readRows({ directory, tpm }: Bench, size: number): Promise<SsrBenchRow[]> {
  const bytes = Uint8Array.from(randomBytes(Math.max(BLOCK * GATHER_BLOCKS, size - (size % (BLOCK * GATHER_BLOCKS)))));
  const blocks = bytes.length / BLOCK;
  const cacheSizeBytes = 16 * 2 ** 20;
  const path = join(directory, 'reads');
  const plain = plainFile(`${path}-plain`);
  plain.write(bytes);
  const store = openFileStore({ path, open: 'new' });
  const volume: Volume = await createVolume({ store, tpm, cacheSizeBytes });
  await volume.transaction((transaction) => transaction.create('a', { sizeBytes: bytes.length }).write(0, bytes));
  const region = volume.region('a');
  for (let index = 0; index < blocks; index += 1) region.read(index * BLOCK, BLOCK);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 9; round += 1) {
    const order = Array.from({ length: READS }, () => randomInt(blocks));
    theirs.push((await timeUs(() => order.forEach((index) => void plain.read(index)))) / READS);
    ours.push((await timeUs(() => order.forEach((index) => void region.read(index * BLOCK, BLOCK)))) / READS);
  }
  plain.close();
  await volume.close();
  const [value, floor] = [median(ours), median(theirs)];
  const ratio = floor / value;
  return [
    {
      name: 'random 4 KiB read, verified, warm cache: plain AES-GCM read / it',
      value,
      floor,
      unit: 'us',
      ratio,
      target: '>= 0.7',
      isMet: ratio >= 0.7,
    },
  ];
}

/** Writes at places spread over the whole region, so that its tree has full height; the file stays small. */
async function openRow({ directory, tpm }: Bench): Promise<SsrBenchRow> {
  const times = new Map<number, number[]>();
  const sizes = [2 ** 20, 2 ** 30];
  for (const size of sizes) {
    const path = join(directory, `open-${size}`);
    const volume = await createVolume({ store: openFileStore({ path, open: 'new' }), tpm });
    await volume.transaction((transaction) => {
      const region = transaction.create('a', { sizeBytes: size });
      for (let n = 0; n < 256; n += 1) region.write(Math.floor((size / 256) * n), Uint8Array.of(n));
    });
    await volume.close();
    times.set(size, []);
  }
  for (let round = 0; round < 15; round += 1) {
    for (const size of sizes) {
      const us = await timeUs(async () => {
        const store = openFileStore({ path: join(directory, `open-${size}`) });
        await (await openVolume({ store, tpm })).close();
      });
      times.get(size)?.push(us);
    }
  }
  const [small, large] = sizes.map((size) => median(times.get(size) ?? []));
  const ratio = (large ?? Number.NaN) / (small ?? Number.NaN);
  return {
    name: 'open with a 1 GiB region / with a 1 MiB region',
    value: large ?? Number.NaN,
    floor: small ?? Number.NaN,
    unit: 'us',
    ratio,
    target: '<= 1.3',
    isMet: ratio <= 1.3,
  };
}

/** One line a row. */
export function ssrBenchText(rows: readonly SsrBenchRow[]): string {
  const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));
  return rows
    .map((row) => {
      const floor = row.floor === undefined ? '' : ` (floor ${number(row.floor)})`;
      const ratio = row.ratio === undefined ? '' : `, ratio ${row.ratio.toFixed(2)}`;
      const verdict =
        row.target === undefined ? '' : `, target ${row.target}: ${row.isMet === true ? 'met' : 'missed'}`;
      return `${row.name}: ${number(row.value)} ${row.unit}${floor}${ratio}${verdict}`;
    })
    .join('\n');
}
