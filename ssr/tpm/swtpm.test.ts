/** swtpm as a process: starting, dying, being killed, leaving nothing behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tpm2 from './index.ts';
import { isSwtpmInstalled, nodeCrypto, NO_PASSWORD, startSwtpm, SwtpmError, Tpm } from './index.ts';

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';
const AREA = { index: 0x01800001, attributes: 0x02040004, authPolicy: new Uint8Array(0), sizeBytes: 8 };
const INDEX = tpm2.unnamed(AREA.index);

function client(transport: tpm2.TpmTransport): Tpm {
  return new Tpm(transport, { crypto: nodeCrypto });
}

/** A zombie that nobody has reaped yet is dead. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function untilDead(pid: number): Promise<void> {
  for (let waited = 0; isRunning(pid) && waited < 3000; waited += 20)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(!isRunning(pid), `process ${pid} is still there`);
}

function temporaryDirectories(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith(`refmon-swtpm-${process.pid}-`));
}

test('a stopped swtpm leaves no process and no directory', { skip }, async () => {
  const swtpm = await startSwtpm();
  assert.ok(isRunning(swtpm.pid) && existsSync(swtpm.stateDirectory));
  await client(swtpm.transport).startup();
  await swtpm.stop();
  await swtpm.stop();
  assert.ok(!isRunning(swtpm.pid));
  assert.deepEqual(temporaryDirectories(), []);
});

test(
  'swtpm killed in the middle of a command: a typed error, and the state is as before or after',
  { skip },
  async () => {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'refmon-test-'));
    const key = nodeCrypto.random(32);
    try {
      const first = await startSwtpm({ stateDirectory, key });
      const tpm = client(first.transport);
      await tpm.startup();
      await tpm.run(tpm2.nvDefineSpace({ public: AREA }), [NO_PASSWORD]);
      await tpm.run(tpm2.nvWrite({ index: INDEX, data: new Uint8Array(8).fill(1) }), [NO_PASSWORD]);
      // Frozen, so that the command is certainly in flight when it dies.
      process.kill(first.pid, 'SIGSTOP');
      const cut = tpm.run(tpm2.nvWrite({ index: INDEX, data: new Uint8Array(8).fill(2) }), [NO_PASSWORD]);
      await Promise.all([assert.rejects(cut, { code: 'TPM_GONE' }), first.kill()]);
      await assert.rejects(tpm.run(tpm2.getRandom(1)), { code: 'TPM_GONE' });
      await first.stop();

      await using second = await startSwtpm({ stateDirectory, key });
      const again = client(second.transport);
      await again.startup();
      const data = await again.run(tpm2.nvRead({ index: INDEX, sizeBytes: 8 }), [NO_PASSWORD]);
      assert.ok(data[0] === 1 || data[0] === 2);
    } finally {
      rmSync(stateDirectory, { recursive: true });
    }
  },
);

test('the state is unreadable with another key, and damage to it is noticed', { skip }, async () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'refmon-test-'));
  const key = nodeCrypto.random(32);
  try {
    const swtpm = await startSwtpm({ stateDirectory, key });
    await client(swtpm.transport).startup();
    await assert.rejects(
      startSwtpm({ stateDirectory, key }),
      { code: 'SWTPM_START_FAILED' },
      'a second one is locked out',
    );
    await client(swtpm.transport).run(tpm2.nvDefineSpace({ public: AREA }), [NO_PASSWORD]);
    await swtpm.stop();
    const start = async (withKey: Uint8Array): Promise<void> => {
      await using other = await startSwtpm({ stateDirectory, key: withKey });
      await client(other.transport).startup();
    };
    await start(key);
    await assert.rejects(
      start(nodeCrypto.random(32)),
      (error: unknown) =>
        error instanceof SwtpmError || error instanceof tpm2.TpmTransportError || error instanceof tpm2.TpmError,
    );
    const file = join(stateDirectory, 'tpm2-00.permall');
    const damaged = readFileSync(file);
    damaged[500] = (damaged[500] ?? 0) ^ 1;
    writeFileSync(file, damaged);
    await assert.rejects(
      start(key),
      (error: unknown) =>
        error instanceof SwtpmError || error instanceof tpm2.TpmTransportError || error instanceof tpm2.TpmError,
    );
  } finally {
    rmSync(stateDirectory, { recursive: true });
  }
});

test(
  'kill -9 of the process that started it leaves no swtpm; the next start removes its directory',
  { skip },
  async () => {
    const script = `
    const { startSwtpm } = await import(${JSON.stringify(new URL('./swtpm.js', import.meta.url).href)});
    const swtpm = await startSwtpm();
    process.stdout.write(swtpm.pid + ' ' + swtpm.stateDirectory + '\\n');
    setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve) =>
      parent.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    const [pidText = '', directory = ''] = line.trim().split(' ');
    const pid = Number(pidText);
    assert.ok(isRunning(pid) && existsSync(directory));
    const gone = new Promise((resolve) => parent.once('exit', resolve));
    parent.kill('SIGKILL');
    await gone;
    await untilDead(pid);
    await using _next = await startSwtpm();
    assert.ok(!existsSync(directory));
  },
);

test('a missing program names the package to install; a program that is not swtpm shows why', async () => {
  await assert.rejects(startSwtpm({ program: 'swtpm-that-is-not-there' }), (error: unknown) => {
    assert.ok(error instanceof SwtpmError);
    assert.equal(error.code, 'ENV_SWTPM_MISSING');
    assert.match(error.message, /apt-get install swtpm/);
    return true;
  });
  await assert.rejects(startSwtpm({ program: 'false' }), { code: 'SWTPM_START_FAILED' });
  await assert.rejects(startSwtpm({ stateDirectory: '/nonexistent/place', key: new Uint8Array(32) }), {
    code: 'SWTPM_START_FAILED',
  });
  await assert.rejects(startSwtpm({ stateDirectory: tmpdir(), key: new Uint8Array(31) }), RangeError);
  assert.deepEqual(temporaryDirectories(), []);
});
