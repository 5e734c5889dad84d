/**
 * The device transport on a real character device: a pseudo-terminal, with a TPM at its other end.
 *
 * No machine of ours has /dev/tpmrm0. A terminal in raw mode is opened, written and read by the same system calls; `script`
 * (util-linux) holds its other end, and what comes out there goes to swtpm, or to the simulated TPM where there is none.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { isSwtpmInstalled, nodeCrypto, NO_PASSWORD, SimulatedTpm, startSwtpm, Tpm } from './index.ts';
import { nvDefineSpace, nvRead, nvWrite } from './commands.ts';
import { STORAGE_KEY_TEMPLATE } from './object-commands.ts';
import { TPMA_NV_AUTHREAD, TPMA_NV_AUTHWRITE, TPMA_NV_NO_DA } from './spec.ts';
import { openDevice } from './transport.ts';

const GET_RANDOM = Uint8Array.of(0x80, 0x01, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8);

/** A terminal whose other end does `answer` for what is written to it. */
async function openTerminal(answer: (command: Uint8Array) => Promise<Uint8Array> | Uint8Array) {
  const script = spawn('script', ['-qfc', 'stty raw -echo; tty; exec sleep 300', '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const [first] = (await once(script.stdout, 'data')) as [Buffer];
  const path = /\/dev\/\S+/.exec(first.toString('latin1'))?.[0] ?? '';
  script.stdin.on('error', () => undefined);
  script.stdout.on('data', (command: Buffer) => {
    void Promise.resolve(answer(command)).then((response) => script.stdin.write(response));
  });
  const close = async (): Promise<void> => {
    const ended = once(script, 'exit');
    script.kill('SIGTERM');
    await ended;
  };
  return { path, close };
}

void test('the same bytes over a character device: salted sessions, NV writes, and a TPM that goes away', async () => {
  const swtpm = isSwtpmInstalled() ? await startSwtpm() : undefined;
  const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
  const wire = swtpm?.transport ?? simulated.transport();
  const terminal = await openTerminal((command) => wire.send(command));
  try {
    const device = await openDevice(terminal.path);
    const tpm = new Tpm(device, { crypto: nodeCrypto });
    await tpm.startup();
    assert.equal((await tpm.random(40)).length, 40);
    const saltKey = await tpm.createPrimary({ template: STORAGE_KEY_TEMPLATE });
    const session = await tpm.startSession({ kind: 'hmac', saltKey });
    const authValue = new Uint8Array(32).fill(7);
    const index = 0x01810000;
    const attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA;
    const nv = { index, attributes, authPolicy: new Uint8Array(0), sizeBytes: 48 };
    await tpm.run(nvDefineSpace({ public: nv, authValue }), [
      NO_PASSWORD,
      { kind: 'session', session, encrypt: 'command' },
    ]);
    const data = new Uint8Array(48).map((_, at) => at);
    const written = await tpm.nvEntity(index);
    await tpm.run(nvWrite({ index: written, data }), [{ kind: 'session', session, authValue, encrypt: 'command' }]);
    const entity = await tpm.nvEntity(index);
    const read = nvRead({ index: entity, sizeBytes: 48 });
    assert.deepEqual(await tpm.run(read, [{ kind: 'session', session, authValue, encrypt: 'response' }]), data);
    await terminal.close();
    await assert.rejects(device.send(GET_RANDOM), { code: 'TPM_GONE' });
    await tpm.close();
    await assert.rejects(device.send(GET_RANDOM), { code: 'TPM_CLOSED' });
  } finally {
    await swtpm?.stop();
  }
});

void test('a device that answers too little, too much or twice at once is refused', async () => {
  const response = (claimed: number, size: number): Uint8Array =>
    Uint8Array.from([0x80, 0x01, 0, 0, 0, claimed, 0, 0, 0, 0, ...new Array<number>(size - 10).fill(0)]);
  const answers = [response(12, 12), response(12, 14), response(14, 12), Uint8Array.of(0x80, 0x01, 0, 0)];
  const terminal = await openTerminal(() => answers.shift() ?? response(10, 10));
  const device = await openDevice(terminal.path);
  try {
    const first = device.send(GET_RANDOM);
    await assert.rejects(device.send(GET_RANDOM), { code: 'TPM_BUSY' });
    assert.equal((await first).length, 12);
    for (let left = 0; left < 3; left += 1) await assert.rejects(device.send(GET_RANDOM), { code: 'TPM_BAD_RESPONSE' });
    assert.equal((await device.send(GET_RANDOM)).length, 10);
  } finally {
    await device.close();
    await terminal.close();
  }
});
