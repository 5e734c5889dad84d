/** What the simulated TPM adds to the bytes: faults, snapshots, repeatability, and its own limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tpm2 from './index.ts';
import { nodeCrypto, NO_PASSWORD, portableCrypto, SimulatedTpm, Tpm } from './index.ts';
import type { SimulatedTpmOptions } from './index.ts';
import { prepare } from './session.ts';
import { DifferentialRun, TpmMismatch } from './differential.ts';

const AREA = { index: 0x01800001, attributes: 0x02040004, authPolicy: new Uint8Array(0), sizeBytes: 8 };
const INDEX = tpm2.unnamed(AREA.index);
const write = (byte: number): tpm2.Command<void> => tpm2.nvWrite({ index: INDEX, data: new Uint8Array(8).fill(byte) });
const read = tpm2.nvRead({ index: INDEX, sizeBytes: 8 });

async function fresh(options: Partial<SimulatedTpmOptions> = {}): Promise<{ simulated: SimulatedTpm; tpm: Tpm }> {
  const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto, ...options });
  const tpm = new Tpm(simulated.transport(), { crypto: nodeCrypto });
  await tpm.startup();
  await tpm.run(tpm2.nvDefineSpace({ public: AREA }), [NO_PASSWORD]);
  await tpm.run(write(1), [NO_PASSWORD]);
  return { simulated, tpm };
}

async function restart({ simulated, tpm }: { simulated: SimulatedTpm; tpm: Tpm }): Promise<number[]> {
  simulated.powerCycle();
  await tpm.startup();
  return [...(await tpm.run(read, [NO_PASSWORD]))];
}

test('it is never had by accident: the option must be written out', () => {
  const options = { crypto: nodeCrypto } as unknown as SimulatedTpmOptions;
  assert.throws(() => new SimulatedTpm(options), TypeError);
});

test('power cut before, after and inside an NV write: old, new, and torn data', async () => {
  for (const [fault, expected] of [
    [{ kind: 'lost-command' }, [1, 1, 1, 1, 1, 1, 1, 1]],
    [{ kind: 'lost-response' }, [2, 2, 2, 2, 2, 2, 2, 2]],
    [{ kind: 'torn-write', writtenBytes: 3 }, [2, 2, 2, 1, 1, 1, 1, 1]],
  ] as const) {
    const bench = await fresh();
    bench.simulated.inject(fault);
    await assert.rejects(bench.tpm.run(write(2), [NO_PASSWORD]), { code: 'TPM_GONE' });
    assert.deepEqual(await restart(bench), expected, fault.kind);
  }
});

test('failure mode holds until the power cycle, and the failed command changed nothing', async () => {
  const bench = await fresh();
  bench.simulated.inject({ kind: 'response-code', code: 0x101 });
  await assert.rejects(bench.tpm.run(write(2), [NO_PASSWORD]), { code: 'TPM_RC_FAILURE' });
  await assert.rejects(bench.tpm.run(tpm2.getRandom(1)), { code: 'TPM_RC_FAILURE' });
  assert.deepEqual(await restart(bench), [1, 1, 1, 1, 1, 1, 1, 1]);
});

test('0x922 and 0x920 are sent again by the client, within its bound', async () => {
  for (const code of [0x922, 0x920, 0x908]) {
    const { simulated, tpm } = await fresh();
    simulated.inject({ kind: 'response-code', code }, { command: 'NV_Write', skip: 1 });
    await tpm.run(write(2), [NO_PASSWORD]);
    await tpm.run(write(3), [NO_PASSWORD]);
    assert.equal(simulated.disarm(), false, 'the fault struck');
    assert.deepEqual(await tpm.run(read, [NO_PASSWORD]), new Uint8Array(8).fill(3));
  }
  let sent = 0;
  const never = prepare(nodeCrypto, tpm2.getRandom(1), []);
  const stubborn = new Tpm(
    {
      send: () => {
        sent += 1;
        return Promise.resolve(Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 9, 0x22));
      },
      close: () => Promise.resolve(),
    },
    { crypto: nodeCrypto },
  );
  assert.ok(never.bytes.length > 0);
  await assert.rejects(stubborn.run(tpm2.getRandom(1)), { code: 'TPM_RC_RETRY' });
  assert.equal(sent, 20);
});

test('a snapshot is independent of what comes later, and rewinds volatile state too', async () => {
  const { simulated, tpm } = await fresh();
  await tpm.run(tpm2.pcrExtend(16, new Uint8Array(32).fill(5)), [NO_PASSWORD]);
  const then = (await tpm.run(tpm2.pcrRead([16]))).digests;
  const snapshot = simulated.snapshot();
  for (let round = 0; round < 2; round += 1) {
    await tpm.run(tpm2.pcrExtend(16, new Uint8Array(32).fill(6)), [NO_PASSWORD]);
    await tpm.run(write(9), [NO_PASSWORD]);
    simulated.restore(snapshot);
    assert.deepEqual((await tpm.run(tpm2.pcrRead([16]))).digests, then);
    assert.deepEqual(await tpm.run(read, [NO_PASSWORD]), new Uint8Array(8).fill(1));
  }
});

test('the same entropy and commands give the same bytes, on either engine', async () => {
  const entropy = new Uint8Array(32).fill(4);
  const { ecc } = nodeCrypto;
  assert.ok(ecc);
  const answers: string[] = [];
  for (const crypto of [nodeCrypto, portableCrypto(ecc)]) {
    const { simulated } = await fresh({ crypto, entropy });
    const commands = [
      tpm2.getRandom(32),
      tpm2.startAuthSession({ type: 'hmac', nonceCaller: new Uint8Array(16), encrypts: true }),
    ];
    const primary = prepare(nodeCrypto, tpm2.createPrimary({ template: tpm2.STORAGE_KEY_TEMPLATE }), [
      NO_PASSWORD,
    ]).bytes;
    const all = [...commands.map((command) => prepare(nodeCrypto, command, []).bytes), primary];
    answers.push(all.map((bytes) => Buffer.from(simulated.execute(bytes)).toString('hex')).join('\n'));
  }
  assert.equal(answers[0], answers[1]);
});

test('without elliptic curves everything else works and keys are refused', async () => {
  const { tpm } = await fresh({ crypto: portableCrypto() });
  assert.deepEqual(await tpm.run(read, [NO_PASSWORD]), new Uint8Array(8).fill(1));
  await assert.rejects(tpm.createPrimary({ template: tpm2.STORAGE_KEY_TEMPLATE }), { code: 'TPM_RC_CURVE' });
});

test('a primary key is the same after a power cycle and another one after Clear', async () => {
  const { simulated, tpm } = await fresh();
  const make = async (): Promise<string> => {
    const key = await tpm.createPrimary({ template: tpm2.STORAGE_KEY_TEMPLATE });
    await tpm.flush(key.handle);
    return Buffer.from(key.name).toString('hex');
  };
  const first = await make();
  simulated.powerCycle();
  await tpm.startup();
  assert.equal(await make(), first);
  await tpm.run(tpm2.clear(tpm2.LOCKOUT), [NO_PASSWORD]);
  assert.notEqual(await make(), first);
});

test('NV space ends: the last index that fits is taken, one more is refused', async () => {
  const { tpm } = await fresh();
  const define = (n: number): Promise<void> =>
    tpm.run(tpm2.nvDefineSpace({ public: { ...AREA, index: 0x01900000 + n, sizeBytes: 2048 } }), [NO_PASSWORD]);
  // 160 000 bytes, of which the first index has 168 and each of these 2208.
  for (let n = 0; n < 72; n += 1) await define(n);
  await assert.rejects(define(72), { code: 'TPM_RC_NV_SPACE' });
  await tpm.run(tpm2.nvUndefineSpace(tpm2.unnamed(0x01900000)), [NO_PASSWORD]);
  await define(72);
});

test('a caller that changes the command while it runs changes nothing', async () => {
  const { simulated, tpm } = await fresh();
  const { bytes } = prepare(nodeCrypto, write(5), [NO_PASSWORD]);
  simulated.execute(bytes);
  bytes.fill(0);
  const answer = simulated.execute(prepare(nodeCrypto, read, [NO_PASSWORD]).bytes);
  answer.fill(0);
  assert.deepEqual(await tpm.run(read, [NO_PASSWORD]), new Uint8Array(8).fill(5));
});

test('the comparison finds a TPM that differs in one bit of one answer', async () => {
  const sideOf = (simulated: SimulatedTpm, change: (answer: Uint8Array) => Uint8Array) => ({
    send: (command: Uint8Array) => Promise.resolve(change(simulated.execute(command))),
    powerCycle: () => Promise.resolve(simulated.powerCycle()),
  });
  const entropy = new Uint8Array(32);
  const make = (): SimulatedTpm => new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto, entropy });
  const honest = new DifferentialRun(
    sideOf(make(), (a) => a),
    sideOf(make(), (a) => a),
  );
  const wrong = sideOf(make(), (answer) => answer.map((byte, i) => (answer.length > 60 && i === 40 ? byte ^ 1 : byte)));
  const liar = new DifferentialRun(
    sideOf(make(), (a) => a),
    wrong,
  );
  const step = { kind: 'pcrRead', a: 0, b: 1, c: 0, d: 0, e: 0 } as const;
  await honest.start();
  await honest.apply(step);
  await liar.start();
  await assert.rejects(liar.apply(step), TpmMismatch);
});

test('it is fast enough for cases by the million', async (t) => {
  const { simulated } = await fresh();
  const bytes = [prepare(nodeCrypto, write(1), [NO_PASSWORD]).bytes, prepare(nodeCrypto, read, [NO_PASSWORD]).bytes];
  const rounds = 20_000;
  const started = performance.now();
  for (let i = 0; i < rounds; i += 1) for (const command of bytes) simulated.execute(command);
  const microseconds = ((performance.now() - started) * 1000) / (2 * rounds);
  const snapshot = simulated.snapshot();
  const rewinding = performance.now();
  for (let i = 0; i < 2000; i += 1) simulated.restore(snapshot);
  const rewindUs = ((performance.now() - rewinding) * 1000) / 2000;
  t.diagnostic(`NV write or read: ${microseconds.toFixed(1)} us a command; restore: ${rewindUs.toFixed(1)} us`);
  assert.ok(microseconds < 1000);
});
