/** `refmon ssr` as a new user meets it: real processes, real swtpm, attacks by `cp` and `kill -9`. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isSwtpmInstalled } from '../tpm/index.ts';

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';
const refmon = fileURLToPath(new URL('../../../bin/refmon.cjs', import.meta.url));

interface Document {
  readonly status: string;
  readonly epoch?: number;
  readonly error?: { readonly code: string; readonly anchorEpoch: number | null; readonly diskEpoch: number | null };
  readonly damage?: readonly { readonly region: string; readonly level: number; readonly block: number }[];
  readonly regions?: readonly { readonly name: string; readonly sizeBytes: number; readonly mode: string }[];
}

void describe('ssr commands', { skip }, () => {
  let directory: string;
  let chip: string;
  let store: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'refmon-ssr-'));
    chip = join(mkdtempSync(join(tmpdir(), 'refmon-chip-')), 'tpm');
    store = join(directory, 'vault');
  });
  after(() => {
    rmSync(directory, { recursive: true });
    rmSync(join(chip, '..'), { recursive: true });
  });

  function ssr(command: string, args: readonly string[], input?: string | Uint8Array) {
    const done = spawnSync(
      process.execPath,
      [refmon, '--format', 'json', 'ssr', command, ...args, '--tpm-state', chip],
      {
        maxBuffer: 1 << 28,
        ...(input !== undefined && { input }),
      },
    );
    const text = done.stdout.toString();
    const document = (text.startsWith('{') ? JSON.parse(text) : { status: text }) as Document;
    return { exit: done.status, document, stderr: done.stderr.toString() };
  }

  void test('create, put from a pipe and from a file, list, get, delete', () => {
    assert.equal(ssr('create', [store, '--recovery-key', join(directory, 'recovery')]).exit, 0);
    assert.equal(statSync(join(directory, 'recovery')).mode & 0o777, 0o600);
    assert.equal(statSync(join(chip, 'refmon.key')).mode & 0o777, 0o600);
    assert.equal(ssr('create', [store]).document.error?.code, 'SSR_EXISTS');
    assert.equal(ssr('put', [store, 'piped'], 'hello').exit, 0);
    const big = new Uint8Array(3_000_001).map((_, at) => at % 251);
    writeFileSync(join(directory, 'big'), big);
    assert.equal(ssr('put', [store, 'big', join(directory, 'big'), '--integrity-only']).document.epoch, 4);
    const { regions = [] } = ssr('ls', [store]).document;
    assert.deepEqual(
      regions.map(({ name, sizeBytes, mode }) => [name, sizeBytes, mode]),
      [
        ['big', 3_000_001, 'integrity-only'],
        ['piped', 5, 'encrypted'],
      ],
    );
    assert.equal(ssr('get', [store, 'big', '-o', join(directory, 'out')]).exit, 0);
    assert.ok(Buffer.compare(readFileSync(join(directory, 'out')), big) === 0);
    assert.equal(ssr('get', [store, 'piped']).exit, 2, 'one document on standard output, or the bytes');
    assert.equal(ssr('put', [store, 'piped'], '').exit, 0);
    assert.equal(ssr('rm', [store, 'big']).exit, 0);
    assert.equal(ssr('get', [store, 'big', '-o', join(directory, 'gone')]).document.error?.code, 'SSR_NO_REGION');
    assert.ok(!existsSync(join(directory, 'gone')));
    assert.equal(ssr('inspect', [store]).document.status, 'ok');
  });

  void test('yesterday’s copy is refused with both epochs, and today’s is taken again', () => {
    const copy = join(directory, 'copy');
    copyFileSync(store, copy);
    const { epoch = 0 } = ssr('put', [store, 'piped'], 'newer').document;
    const today = join(directory, 'today');
    copyFileSync(store, today);
    copyFileSync(copy, store);
    for (const command of ['verify', 'ls', 'scrub']) {
      const { exit, document, stderr } = ssr(command, [store]);
      assert.deepEqual([exit, document.status, document.error?.code], [3, 'refused', 'SSR_ROLLBACK_DETECTED']);
      assert.deepEqual([document.error?.anchorEpoch, document.error?.diskEpoch], [epoch, epoch - 1]);
      assert.match(stderr, /epoch of the disk \d+, epoch that the TPM vouches for \d+/);
    }
    copyFileSync(today, store);
    assert.equal(ssr('verify', [store]).exit, 0);
  });

  void test('a flipped bit in a block is found by get and by scrub, with level and block', () => {
    ssr('put', [store, 'fragile'], new Uint8Array(300_000).fill(7));
    const bytes = readFileSync(store);
    const at = 16_384 + 200_000;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const damaged = join(directory, 'damaged');
    writeFileSync(damaged, bytes);
    const { exit, document } = ssr('scrub', [damaged]);
    const found = document.damage?.[0];
    if (found === undefined) {
      // The bit lay in a block that is not in use.
      assert.equal(exit, 0);
      return;
    }
    assert.equal(exit, 3);
    assert.ok(Number.isInteger(found.level) && Number.isInteger(found.block));
    if (found.region === 'fragile') {
      const got = ssr('get', [damaged, 'fragile', '-o', join(directory, 'partial')]);
      assert.deepEqual([got.exit, got.document.error?.code], [3, 'SSR_BLOCK_CORRUPT']);
      assert.ok(!existsSync(join(directory, 'partial')), 'what was not verified is not shown');
    }
  });

  void test('kill -9 in the middle of a put: the volume opens again with what it had', async () => {
    const { epoch = 0 } = ssr('verify', [store]).document;
    for (const delayMs of [120, 200, 300]) {
      const child = spawn(process.execPath, [refmon, 'ssr', 'put', store, 'endless', '--tpm-state', chip], {
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      child.stdin.on('error', () => undefined);
      const feed = setInterval(() => child.stdin.write(new Uint8Array(1 << 20)), 5);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      clearInterval(feed);
      const { exit, document } = ssr('scrub', [store]);
      assert.deepEqual([exit, document.epoch, document.damage], [0, epoch, []]);
    }
  });

  void test('without its chip the volume stays shut; the recovery key opens it, loudly', () => {
    const other = `${chip}-other`;
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [refmon, 'ssr', ...args, '--tpm-state', other], { encoding: 'utf8' });
    assert.match(run('ls', store).stderr, /SSR_KEYS_UNAVAILABLE/);
    const copy = join(directory, 'moved');
    copyFileSync(store, copy);
    assert.equal(
      run('recover', copy, '--recovery-key', join(directory, 'recovery')).status,
      2,
      'consent is not optional',
    );
    const done = run('recover', copy, '--recovery-key', join(directory, 'recovery'), '--accept-loss');
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stderr, /RECOVERED WITHOUT FRESHNESS/);
    assert.equal(run('get', copy, 'piped').stdout, 'newer');
  });

  void test('usage: no store in the chip, no store at all', () => {
    const inside = ssr('create', [join(chip, 'vault')]);
    assert.equal(inside.exit, 2);
    assert.match(inside.stderr, /stands for the chip/);
    assert.deepEqual(
      [ssr('ls', [join(directory, 'none')]).exit, ssr('ls', [join(directory, 'none')]).document.error?.code],
      [1, 'SSR_NOT_A_VOLUME'],
    );
  });
});
