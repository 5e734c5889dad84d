/** Files as stores: locks between processes, dead owners, ends of files. And what the simulated disk promises. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SsrError } from '../errors.ts';
import { openFileStore } from './file-store.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { STORE_SIZE_MAX_BYTES } from './store.ts';

const directory = mkdtempSync(join(tmpdir(), 'refmon-store-'));
after(() => {
  rmSync(directory, { recursive: true });
});

function refusal(code: string): (error: unknown) => boolean {
  return (error) => error instanceof SsrError && error.code === code;
}

void test('a file store reads back, reads short at its end, and refuses a second opener until it is closed', () => {
  const path = join(directory, 'one');
  assert.throws(() => openFileStore({ path }), refusal('SSR_NOT_A_VOLUME'));
  assert.deepEqual(readdirSync(directory), [], 'a mistyped path leaves nothing behind');
  const store = openFileStore({ path, open: 'new' });
  store.write(10, Uint8Array.of(1, 2, 3));
  store.flush();
  const into = new Uint8Array(5);
  assert.deepEqual([store.read(11, into), [...into], store.sizeBytes()], [2, [2, 3, 0, 0, 0], 13]);
  assert.throws(() => openFileStore({ path }), refusal('SSR_STORE_LOCKED'));
  assert.throws(() => openFileStore({ path, open: 'new' }), refusal('SSR_EXISTS'));
  assert.throws(() => store.write(STORE_SIZE_MAX_BYTES, Uint8Array.of(1)), RangeError);
  assert.throws(() => store.read(-1, into), RangeError);
  store.close();
  store.close();
  assert.throws(() => store.read(0, into), refusal('SSR_CLOSED'));
  const again = openFileStore({ path });
  symlinkSync(path, join(directory, 'alias'));
  assert.throws(() => openFileStore({ path: join(directory, 'alias') }), refusal('SSR_STORE_LOCKED'));
  again.close();
  assert.deepEqual(readdirSync(directory).sort(), ['alias', 'one']);
});

void test('the lock of a killed process is taken over by exactly one of many', async () => {
  const path = join(directory, 'two');
  openFileStore({ path, open: 'new' }).close();
  const module = JSON.stringify(new URL('./file-store.js', import.meta.url).href);
  const holder = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const { openFileStore } = await import(${module}); openFileStore({ path: ${JSON.stringify(path)} }); console.log('open'); setInterval(() => {}, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  assert.throws(
    () => openFileStore({ path }),
    (error: unknown) => error instanceof SsrError && error.message.includes(`process ${holder.pid}`),
  );
  const gone = new Promise((resolve) => holder.once('exit', resolve));
  holder.kill('SIGKILL');
  await gone;
  assert.ok(existsSync(`${path}.lock`));
  const contender = `const { openFileStore } = await import(${module});
    try { openFileStore({ path: ${JSON.stringify(path)} }); console.log('won'); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 700); }
    catch (error) { console.log(error.code); }`;
  const outcomes = await Promise.all(
    Array.from(
      { length: 4 },
      () =>
        new Promise<string>((resolve) => {
          const child = spawn(process.execPath, ['--input-type=module', '-e', contender], {
            stdio: ['ignore', 'pipe', 'inherit'],
          });
          let text = '';
          child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
          child.once('exit', () => resolve(text.trim()));
        }),
    ),
  );
  assert.equal(outcomes.filter((outcome) => outcome === 'won').length, 1, outcomes.join(' '));
  openFileStore({ path }).close();
});

void test('a lock that cannot be read, and one whose process id is used again, are told apart', () => {
  const path = join(directory, 'three');
  openFileStore({ path, open: 'new' }).close();
  writeFileSync(`${path}.lock`, 'rubbish');
  assert.throws(() => openFileStore({ path }), refusal('SSR_STORE_LOCKED'));
  // This very process, but started at another time: the lock's owner is dead and its number was given out again.
  writeFileSync(`${path}.lock`, `${process.pid} 1\n`);
  openFileStore({ path }).close();
  const dead = spawnSync('true').pid;
  writeFileSync(`${path}.lock`, `${dead} 1\n`);
  writeFileSync(`${path}.lock.breaking`, `${dead} 1\n`);
  assert.throws(
    () => openFileStore({ path }),
    (error: unknown) => error instanceof SsrError && /remove .*breaking/.test(error.help),
  );
});

void test('a simulated disk keeps what was flushed and offers every subset of the rest', () => {
  const disk = new SimulatedDisk();
  const store = disk.open();
  store.write(0, new Uint8Array(512).fill(1));
  store.flush();
  store.write(0, new Uint8Array(512).fill(2));
  store.write(512, new Uint8Array(512).fill(3));
  store.write(0, new Uint8Array(512).fill(4));
  const seen = new Set(
    [...disk.crashImages()].map((image) => `${image.get(0)?.[0]}${image.get(0)?.[511]} ${image.get(1)?.[0] ?? 0}`),
  );
  for (const whole of ['11 0', '22 0', '44 0', '11 3', '22 3', '44 3']) assert.ok(seen.has(whole), whole);
  assert.ok(seen.has('41 3'), 'a torn sector');
  assert.equal(disk.durableImage().get(0)?.[0], 1);
  store.flush();
  assert.equal([...disk.crashImages()].length, 1);
});
