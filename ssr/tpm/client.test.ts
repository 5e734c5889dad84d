/** The client against a real TPM, and the same tests against the simulated one. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as tpm2 from './index.ts';
import { isSwtpmInstalled, nodeCrypto, SimulatedTpm, spec, Tpm, TpmError } from './index.ts';
import type { LoadedKey, PolicyStep } from './index.ts';
import { ByteReader, concatBytes } from './codec.ts';
import type { TpmTransport } from './transport.ts';

const ATTRIBUTES = spec.TPMA_NV_AUTHREAD | spec.TPMA_NV_AUTHWRITE | spec.TPMA_NV_NO_DA;
const EMPTY: Uint8Array = new Uint8Array(0);
const SECRET = nodeCrypto.sha256(new TextEncoder().encode('index secret'));

/** A TPM and what a test may do to it from outside. */
interface Bench {
  readonly transport: TpmTransport;
  powerCycle(): Promise<void>;
  /** Takes the permanent state; the function that comes back rewinds to it, power cycle included. */
  remember(): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

async function realBench(): Promise<Bench> {
  const swtpm = await tpm2.startSwtpm();
  return {
    transport: swtpm.transport,
    powerCycle: () => swtpm.control.powerCycle(),
    async remember() {
      const state = await swtpm.control.snapshot();
      return () => swtpm.control.restore(state);
    },
    stop: () => swtpm.stop(),
  };
}

function simulatedBench(): Promise<Bench> {
  const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
  return Promise.resolve({
    transport: simulated.transport(),
    powerCycle: () => Promise.resolve(simulated.powerCycle()),
    remember() {
      const state = simulated.snapshot();
      return Promise.resolve(() => {
        simulated.restore(state);
        return Promise.resolve(simulated.powerCycle());
      });
    },
    stop: () => Promise.resolve(),
  });
}

let bench: Bench;
let tpm: Tpm;
/** Changes responses on their way, and keeps the last command: what someone on the wire can do. */
const wire = { change: (response: Uint8Array): Uint8Array => response, lastCommand: EMPTY };
let nextIndex = 0x01800000;

async function connect(open: () => Promise<Bench>): Promise<void> {
  bench = await open();
  const tapped: TpmTransport = {
    async send(command) {
      wire.lastCommand = command;
      return wire.change(await bench.transport.send(command));
    },
    close: () => bench.transport.close(),
  };
  tpm = new Tpm(tapped, { crypto: nodeCrypto });
  await tpm.startup();
}

function nv(
  sizeBytes: number,
  extra = 0,
  authPolicy = EMPTY,
): { index: number; attributes: number; authPolicy: Uint8Array; sizeBytes: number } {
  nextIndex += 1;
  return { index: nextIndex, attributes: ATTRIBUTES | extra, authPolicy, sizeBytes };
}

function refusedWith(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof TpmError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

async function withSaltedSession<Result>(use: (session: tpm2.Session) => Promise<Result>): Promise<Result> {
  const srk: LoadedKey = await tpm.createPrimary({ template: tpm2.STORAGE_KEY_TEMPLATE });
  const session = await tpm.startSession({ kind: 'hmac', saltKey: srk });
  await tpm.flush(srk.handle);
  try {
    return await use(session);
  } finally {
    await tpm.endSession(session);
  }
}

function clientTests(): void {
  test('writes and reads an NV index under a salted session with both parameters encrypted', async () => {
    const area = nv(32);
    const data = nodeCrypto.random(32);
    await withSaltedSession(async (session) => {
      await tpm.run(tpm2.nvDefineSpace({ public: area, authValue: SECRET }), [
        tpm2.NO_PASSWORD,
        { kind: 'session', session, encrypt: 'command' },
      ]);
      assert.ok(!Buffer.from(wire.lastCommand).includes(Buffer.from(SECRET)), 'the secret travelled in the clear');
      const unwritten = await tpm.nvEntity(area.index);
      await tpm.run(tpm2.nvWrite({ index: unwritten, data }), [
        { kind: 'session', session, authValue: SECRET, encrypt: 'command' },
      ]);
      assert.ok(!Buffer.from(wire.lastCommand).includes(Buffer.from(data)), 'the data travelled in the clear');

      const written = await tpm.nvEntity(area.index);
      assert.notDeepEqual(written.name, unwritten.name, 'the Name changes when WRITTEN gets set');
      const use = { kind: 'session', session, authValue: SECRET, encrypt: 'response' } as const;
      let seen = EMPTY;
      wire.change = (response) => (seen = response);
      const read = await tpm.run(tpm2.nvRead({ index: written, sizeBytes: 32 }), [use]);
      wire.change = (response) => response;
      assert.deepEqual(read, data);
      assert.ok(!Buffer.from(seen).includes(Buffer.from(data)), 'the answer travelled in the clear');

      // Bound to the Name: the one from before the first write no longer authorizes.
      await assert.rejects(
        tpm.run(tpm2.nvRead({ index: unwritten, sizeBytes: 32 }), [use]),
        refusedWith('TPM_RC_BAD_AUTH'),
      );
      assert.deepEqual(
        await tpm.run(tpm2.nvRead({ index: written, sizeBytes: 32 }), [use]),
        data,
        'a refusal rolls no nonce',
      );
    });
  });

  test('one session authorizes and another one encrypts: the first covers the nonce of the second', async () => {
    const area = nv(16);
    const data = nodeCrypto.random(16);
    await tpm.run(tpm2.nvDefineSpace({ public: area, authValue: SECRET }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvWrite({ index: tpm2.unnamed(area.index), data }), [tpm2.password(SECRET)]);
    const index = await tpm.nvEntity(area.index);
    await withSaltedSession(async (authorizing) => {
      const encrypting = await tpm.startSession({ kind: 'hmac' });
      const uses = (encrypt: 'command' | 'response'): tpm2.Authorization[] => [
        { kind: 'session', session: authorizing, authValue: SECRET },
        { kind: 'session', session: encrypting, encrypt },
      ];
      const fresh = nodeCrypto.random(16);
      for (let round = 0; round < 2; round += 1) {
        await tpm.run(tpm2.nvWrite({ index, data: fresh }), uses('command'));
        assert.deepEqual(await tpm.run(tpm2.nvRead({ index, sizeBytes: 16 }), uses('response')), fresh);
      }
      await tpm.endSession(encrypting);
    });
  });

  test('every flipped bit of an HMAC response is noticed and nothing of it is used', async () => {
    const area = nv(8);
    await tpm.run(tpm2.nvDefineSpace({ public: area, authValue: SECRET }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvWrite({ index: tpm2.unnamed(area.index), data: new Uint8Array(8).fill(7) }), [
      tpm2.password(SECRET),
    ]);
    const index = await tpm.nvEntity(area.index);
    // Response: 10 header, 4 parameter size, 2+8 data, 2+32 nonce, 1 attributes, 2+32 HMAC. The header is framing.
    for (let at = 10; at < 93; at += 3) {
      const session = await tpm.startSession({ kind: 'hmac' });
      wire.change = (response) => response.map((byte, i) => (i === at ? byte ^ 0x10 : byte));
      await assert.rejects(
        tpm.run(tpm2.nvRead({ index, sizeBytes: 8 }), [{ kind: 'session', session, authValue: SECRET }]),
        (error: unknown) => error instanceof tpm2.TpmTransportError && /FORGED|BAD_RESPONSE/.test(error.code),
        `byte ${at}`,
      );
      wire.change = (response) => response;
      assert.ok(session.ended);
      await tpm.flush(session.handle);
    }
  });

  test('an old answer replayed for a new command is refused', async () => {
    const area = nv(8);
    await tpm.run(tpm2.nvDefineSpace({ public: area, authValue: SECRET }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvWrite({ index: tpm2.unnamed(area.index), data: new Uint8Array(8) }), [tpm2.password(SECRET)]);
    const index = await tpm.nvEntity(area.index);
    const session = await tpm.startSession({ kind: 'hmac' });
    const use = { kind: 'session', session, authValue: SECRET } as const;
    let old = EMPTY;
    wire.change = (response) => (old = response);
    await tpm.run(tpm2.nvRead({ index, sizeBytes: 8 }), [use]);
    wire.change = () => old;
    await assert.rejects(tpm.run(tpm2.nvRead({ index, sizeBytes: 8 }), [use]), { code: 'TPM_RESPONSE_FORGED' });
    wire.change = (response) => response;
    await tpm.flush(session.handle);
  });

  test('the owner re-creates an index with an old value: passwords do not notice, an HMAC read does', async () => {
    const area = nv(8);
    const old = new Uint8Array(8).fill(1);
    await tpm.run(tpm2.nvDefineSpace({ public: area, authValue: SECRET }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvWrite({ index: tpm2.unnamed(area.index), data: old }), [tpm2.password(SECRET)]);
    const before = await tpm.nvEntity(area.index);
    await tpm.run(tpm2.nvWrite({ index: before, data: new Uint8Array(8).fill(2) }), [tpm2.password(SECRET)]);

    // The attack: the owner needs no secret of the index. Empty authValue, same public area, old value.
    await tpm.run(tpm2.nvUndefineSpace(before), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvDefineSpace({ public: area }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvWrite({ index: before, data: old }), [tpm2.NO_PASSWORD]);
    assert.deepEqual((await tpm.nvEntity(area.index)).name, before.name, 'the Name is the same');
    assert.deepEqual(await tpm.run(tpm2.nvRead({ index: before, sizeBytes: 8 }), [tpm2.NO_PASSWORD]), old);

    const session = await tpm.startSession({ kind: 'hmac' });
    const use = { kind: 'session', session, authValue: SECRET } as const;
    await assert.rejects(tpm.run(tpm2.nvRead({ index: before, sizeBytes: 8 }), [use]), refusedWith('TPM_RC_BAD_AUTH'));
    await tpm.endSession(session);
  });

  test('PolicyPCR and PolicyNV together open a sealed blob, until the counter or the PCR moves', async () => {
    const counter = nv(8, spec.TPMA_NV_COUNTER);
    await tpm.run(tpm2.nvDefineSpace({ public: counter }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvIncrement({ index: tpm2.unnamed(counter.index) }), [tpm2.NO_PASSWORD]);
    const index = await tpm.nvEntity(counter.index);
    const operand = await tpm.run(tpm2.nvRead({ index, sizeBytes: 8 }), [tpm2.NO_PASSWORD]);
    const values = (await tpm.run(tpm2.pcrRead([10]))).digests;
    const steps: PolicyStep[] = [
      { kind: 'pcr', pcrs: [10], values },
      { kind: 'nv', index, operand, operation: 'eq' },
    ];
    const policy = tpm2.policyDigest(nodeCrypto, steps);

    const trial = await tpm.startSession({ kind: 'trial' });
    await tpm2.satisfy(tpm, trial, steps);
    assert.deepEqual(await tpm.run(tpm2.policyGetDigest(trial.handle)), policy, 'computed as the TPM does');
    await tpm.endSession(trial);

    const srk = await tpm.createPrimary({ template: tpm2.STORAGE_KEY_TEMPLATE });
    const data = nodeCrypto.random(32);
    const blob = await tpm.run(tpm2.createSealed({ parent: srk, data, policy }), [tpm2.NO_PASSWORD]);
    const object = await tpm.run(tpm2.load(srk, blob), [tpm2.NO_PASSWORD]);
    await assert.rejects(tpm.run(tpm2.unseal(object), [tpm2.NO_PASSWORD]), refusedWith('TPM_RC_AUTH_UNAVAILABLE'));

    const open = async (): Promise<Uint8Array> => {
      const session = await tpm.startSession({ kind: 'policy', saltKey: srk });
      try {
        await tpm2.satisfy(tpm, session, steps);
        return await tpm.run(tpm2.unseal(object), [{ kind: 'session', session, encrypt: 'response', keep: false }]);
      } finally {
        await tpm.endSession(session);
      }
    };
    assert.deepEqual(await open(), data);
    await tpm.run(tpm2.nvIncrement({ index }), [tpm2.NO_PASSWORD]);
    await assert.rejects(open(), refusedWith('TPM_RC_POLICY'));
    await tpm.run(tpm2.pcrExtend(10, new Uint8Array(32).fill(1)), [tpm2.NO_PASSWORD]);
    await assert.rejects(open(), refusedWith('TPM_RC_VALUE'));
    const damaged = { ...blob, private: blob.private.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) };
    await assert.rejects(tpm.run(tpm2.load(srk, damaged), [tpm2.NO_PASSWORD]), refusedWith('TPM_RC_INTEGRITY'));
    await tpm.flush(object.handle);
    await tpm.flush(srk.handle);
  });

  test('a quote verifies for its nonce and PCRs, and for nothing else', async () => {
    const key = await tpm.createPrimary({ template: tpm2.ATTESTATION_KEY_TEMPLATE });
    const nonce = nodeCrypto.random(20);
    const quote = await tpm.run(tpm2.quote(key, nonce, [0, 7, 16]), [tpm2.NO_PASSWORD]);
    const { digests } = await tpm.run(tpm2.pcrRead([0, 7, 16]));
    const verdict = tpm2.verifyQuote(quote, key.point, nonce);
    assert.ok(verdict.genuine);
    assert.deepEqual(verdict.content.pcrs, [0, 7, 16]);
    assert.deepEqual(verdict.content.pcrDigest, tpm2.pcrValuesDigest(nodeCrypto, digests));
    assert.deepEqual(tpm2.verifyQuote(quote, key.point, nodeCrypto.random(20)), { genuine: false, reason: 'nonce' });
    for (let at = 0; at < quote.attested.length; at += 1) {
      const attested = quote.attested.map((byte, i) => (i === at ? byte ^ 1 : byte));
      assert.deepEqual(tpm2.verifyQuote({ ...quote, attested }, key.point, nonce), {
        genuine: false,
        reason: 'signature',
      });
    }
    await tpm.flush(key.handle);
  });

  test('NV kinds behave: a counter never goes back, an extend index chains hashes', async () => {
    const counter = nv(8, spec.TPMA_NV_COUNTER);
    const value = async (): Promise<bigint> =>
      new ByteReader(
        await tpm.run(tpm2.nvRead({ index: tpm2.unnamed(counter.index), sizeBytes: 8 }), [tpm2.NO_PASSWORD]),
      ).u64();
    const increment = (): Promise<void> =>
      tpm.run(tpm2.nvIncrement({ index: tpm2.unnamed(counter.index) }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvDefineSpace({ public: counter }), [tpm2.NO_PASSWORD]);
    await assert.rejects(value(), refusedWith('TPM_RC_NV_UNINITIALIZED'));
    await increment();
    await increment();
    const last = await value();
    await tpm.run(tpm2.nvUndefineSpace(tpm2.unnamed(counter.index)), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvDefineSpace({ public: counter }), [tpm2.NO_PASSWORD]);
    await increment();
    assert.ok((await value()) > last, 'even the owner cannot take a counter back');

    const chain = nv(32, spec.TPMA_NV_EXTEND);
    const data = new TextEncoder().encode('link');
    await tpm.run(tpm2.nvDefineSpace({ public: chain }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvExtend({ index: tpm2.unnamed(chain.index), data }), [tpm2.NO_PASSWORD]);
    const digest = await tpm.run(tpm2.nvRead({ index: tpm2.unnamed(chain.index), sizeBytes: 32 }), [tpm2.NO_PASSWORD]);
    assert.deepEqual(digest, nodeCrypto.sha256(new Uint8Array(32), data));
  });

  test('hierarchy secrets: the response to a change is keyed with the new secret; Clear can be disabled', async () => {
    const secret = nodeCrypto.random(32);
    const session = await tpm.startSession({ kind: 'hmac' });
    await tpm.run(tpm2.hierarchyChangeAuth(tpm2.LOCKOUT, secret), [{ kind: 'session', session, encrypt: 'command' }]);
    const use = { kind: 'session', session, authValue: secret } as const;
    await tpm.run(tpm2.clearControl(tpm2.LOCKOUT, true), [use]);
    await assert.rejects(tpm.run(tpm2.clear(tpm2.LOCKOUT), [use]), refusedWith('TPM_RC_DISABLED'));
    await tpm.run(tpm2.clearControl(tpm2.PLATFORM, false), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.clear(tpm2.LOCKOUT), [use]);
    await tpm.run(tpm2.hierarchyChangeAuth(tpm2.LOCKOUT, EMPTY), [{ kind: 'session', session }]);
    await tpm.endSession(session);
  });

  test("Clear deletes the owner's indices; those of the platform stay", async () => {
    const owned = nv(8);
    const platform = nv(8, spec.TPMA_NV_PLATFORMCREATE);
    await tpm.run(tpm2.nvDefineSpace({ public: owned }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvDefineSpace({ public: platform, authority: tpm2.PLATFORM }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.clear(tpm2.LOCKOUT), [tpm2.NO_PASSWORD]);
    await assert.rejects(tpm.nvEntity(owned.index), refusedWith('TPM_RC_HANDLE'));
    assert.equal((await tpm.nvEntity(platform.index)).public.attributes, platform.attributes);
  });

  test('reads limits and handles by GetCapability', async () => {
    const properties = await tpm.run(tpm2.getProperties(spec.TPM_PT_FIXED, 64));
    assert.ok([0x49424d00, 0x5245464d].includes(properties.get(spec.TPM_PT_MANUFACTURER) ?? 0), 'IBM or REFM');
    const { handles } = await tpm.run(tpm2.getHandles(0x01000000, 64));
    assert.ok(handles.every((handle) => handle >>> 24 === spec.TPM_HT_NV_INDEX));
  });

  test('commands given at once are answered one after another, each its own', async () => {
    const sizes = [1, 2, 3, 4, 5, 6, 7, 8];
    const answers = await Promise.all(sizes.map((size) => tpm.run(tpm2.getRandom(size))));
    assert.deepEqual(
      answers.map((answer) => answer.length),
      sizes,
    );
    assert.equal((await tpm.random(100)).length, 100);
  });

  test('five power cuts in the middle of work lock nothing out: everything is NO_DA', async () => {
    const area = nv(8);
    await tpm.run(tpm2.nvDefineSpace({ public: area, authValue: SECRET }), [tpm2.NO_PASSWORD]);
    for (let cut = 0; cut < 5; cut += 1) {
      const data = new Uint8Array(8).fill(cut);
      await tpm.run(tpm2.nvWrite({ index: tpm2.unnamed(area.index), data }), [tpm2.password(SECRET)]);
      await bench.powerCycle();
      await tpm.startup();
      const index = tpm2.unnamed(area.index);
      assert.deepEqual(await tpm.run(tpm2.nvRead({ index, sizeBytes: 8 }), [tpm2.password(SECRET)]), data);
    }
  });

  test('a snapshot rewinds the whole TPM, counter included', async () => {
    const counter = nv(8, spec.TPMA_NV_COUNTER);
    const index = tpm2.unnamed(counter.index);
    await tpm.run(tpm2.nvDefineSpace({ public: counter }), [tpm2.NO_PASSWORD]);
    await tpm.run(tpm2.nvIncrement({ index }), [tpm2.NO_PASSWORD]);
    const read = (): Promise<Uint8Array> => tpm.run(tpm2.nvRead({ index, sizeBytes: 8 }), [tpm2.NO_PASSWORD]);
    const then = await read();
    const rewind = await bench.remember();
    await tpm.run(tpm2.nvIncrement({ index }), [tpm2.NO_PASSWORD]);
    assert.notDeepEqual(await read(), then);
    await rewind();
    await tpm.startup();
    assert.deepEqual(await read(), then);
  });

  test('authorizations that do not fit the command are refused before anything is sent', async () => {
    const session = await tpm.startSession({ kind: 'hmac', encrypts: false });
    const sent = wire.lastCommand;
    const read = tpm2.nvRead({ index: tpm2.unnamed(0x01800000), sizeBytes: 8 });
    await assert.rejects(tpm.run(read), RangeError);
    await assert.rejects(tpm.run(read, [{ kind: 'session', session }]), /Name of 0x1800000 is needed/);
    await assert.rejects(tpm.run(tpm2.getRandom(8), [tpm2.NO_PASSWORD]), /authorizes nothing/);
    await assert.rejects(
      tpm.run(tpm2.getRandom(8), [{ kind: 'session', session, encrypt: 'response' }]),
      /without encryption/,
    );
    await assert.rejects(tpm.run(tpm2.flushContext(session.handle), [{ kind: 'session', session }]), RangeError);
    assert.equal(wire.lastCommand, sent);
    await tpm.endSession(session);
    await assert.rejects(tpm.run(tpm2.getRandom(8), [{ kind: 'session', session }]), /has ended/);
  });

  test("a stranger's oversized structure in an answer is an error, not a read past the end", async () => {
    wire.change = () => concatBytes(Uint8Array.of(0x80, 1, 0, 0, 0, 12, 0, 0, 0, 0), Uint8Array.of(0xff, 0xff));
    await assert.rejects(tpm.run(tpm2.getRandom(8)), { code: 'TPM_BAD_RESPONSE' });
    wire.change = (response) =>
      concatBytes(response.subarray(0, 2), Uint8Array.of(0, 0, 0, 21), response.subarray(6), new Uint8Array(1));
    await assert.rejects(tpm.run(tpm2.getRandom(8)), { code: 'TPM_BAD_RESPONSE' });
    wire.change = (response) => response;
  });
}

for (const [name, open] of [
  ['swtpm', realBench],
  ['the simulated TPM', simulatedBench],
] as const) {
  const skip = open === realBench && !isSwtpmInstalled() ? 'swtpm is not installed: sudo apt-get install swtpm' : false;
  describe(`the client with ${name}`, { skip }, () => {
    before(() => connect(open));
    after(() => bench.stop());
    clientTests();
    if (open === realBench) retryTest();
  });
}

function retryTest(): void {
  // The simulated TPM has no dictionary-attack protection, so only the real one asks for a repetition by itself.
  test('0x922 is repeated with the same bytes: the first use of a DA-protected index after Startup', async () => {
    const area = { ...nv(8), attributes: spec.TPMA_NV_AUTHREAD | spec.TPMA_NV_AUTHWRITE };
    await tpm.run(tpm2.nvDefineSpace({ public: area }), [tpm2.NO_PASSWORD]);
    await bench.powerCycle();
    const retries: string[] = [];
    const patient = new Tpm(bench.transport, { crypto: nodeCrypto, onRetry: (error) => retries.push(error.code) });
    await patient.startup();
    await patient.run(tpm2.nvWrite({ index: tpm2.unnamed(area.index), data: new Uint8Array(8) }), [tpm2.NO_PASSWORD]);
    assert.deepEqual(retries, ['TPM_RC_RETRY']);
    await patient.run(tpm2.nvUndefineSpace(tpm2.unnamed(area.index)), [tpm2.NO_PASSWORD]);
  });
}
