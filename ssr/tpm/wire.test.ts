/** Commands as bytes, against encodings that were recorded from work with a real TPM (Part 3 gives the layouts). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tpm2 from './index.ts';
import type { Authorization, Command, Session } from './index.ts';
import { nodeCrypto, NO_PASSWORD } from './index.ts';
import { prepare } from './session.ts';

const PW = '00000009 40000009 0000 01 0000';
const I1 = tpm2.unnamed(0x01800001);
const I2 = tpm2.unnamed(0x01800002);
const EIGHT = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5);
const EMPTY = new Uint8Array(0);
const digest = new Uint8Array(32).fill(0xab);
const key = tpm2.byHandle(0x80000000);
const POLICY = 0x03000000;

const TABLE: readonly (readonly [string, Command<unknown>, number, string])[] = [
  ['Startup', tpm2.startup(), 0, '8001 0000000c 00000144 0000'],
  ['Shutdown', tpm2.shutdown(), 0, '8001 0000000c 00000145 0000'],
  ['GetRandom', tpm2.getRandom(8), 0, '8001 0000000c 0000017b 0008'],
  [
    'NV_DefineSpace',
    tpm2.nvDefineSpace({ public: { index: 0x01800001, attributes: 0x02040004, authPolicy: EMPTY, sizeBytes: 8 } }),
    1,
    `8002 0000002d 0000012a 40000001 ${PW} 0000 000e 01800001 000b 02040004 0000 0008`,
  ],
  [
    'NV_Write',
    tpm2.nvWrite({ index: I1, data: EIGHT }),
    1,
    `8002 0000002b 00000137 01800001 01800001 ${PW} 0008 0000000000000005 0000`,
  ],
  ['NV_Read', tpm2.nvRead({ index: I1, sizeBytes: 8 }), 1, `8002 00000023 0000014e 01800001 01800001 ${PW} 0008 0000`],
  ['NV_Increment', tpm2.nvIncrement({ index: I2 }), 1, `8002 0000001f 00000134 01800002 01800002 ${PW}`],
  ['NV_ReadPublic', tpm2.nvReadPublic(0x01800001), 0, '8001 0000000e 00000169 01800001'],
  ['NV_UndefineSpace', tpm2.nvUndefineSpace(I1), 1, `8002 0000001f 00000122 40000001 01800001 ${PW}`],
  [
    'PCR_Extend',
    tpm2.pcrExtend(16, digest),
    1,
    `8002 00000041 00000182 00000010 ${PW} 00000001 000b ${'ab'.repeat(32)}`,
  ],
  ['PCR_Read', tpm2.pcrRead([16]), 0, '8001 00000014 0000017e 00000001 000b 03 000001'],
  [
    'CreatePrimary',
    tpm2.createPrimary({ template: tpm2.STORAGE_KEY_TEMPLATE }),
    1,
    `8002 00000043 00000131 40000001 ${PW} 0004 0000 0000 001a 0023 000b 00030472 0000 0006 0080 0043 0010 0003 0010 0000 0000 0000 00000000`,
  ],
  [
    'StartAuthSession',
    tpm2.startAuthSession({ type: 'policy', nonceCaller: new Uint8Array(16).fill(0xcd), encrypts: false }),
    0,
    `8001 0000002b 00000176 40000007 40000007 0010 ${'cd'.repeat(16)} 0000 01 0010 000b`,
  ],
  ['PolicyPCR', tpm2.policyPcr(POLICY, [16]), 0, '8001 0000001a 0000017f 03000000 0000 00000001 000b 03 000001'],
  [
    'PolicyNV',
    tpm2.policyNv({ index: I2, session: POLICY, operand: EIGHT, operation: 'eq' }),
    1,
    `8002 00000031 00000149 01800002 01800002 03000000 ${PW} 0008 0000000000000005 0000 0000`,
  ],
  ['PolicyGetDigest', tpm2.policyGetDigest(POLICY), 0, '8001 0000000e 00000189 03000000'],
  ['FlushContext', tpm2.flushContext(0x80000000), 0, '8001 0000000e 00000165 80000000'],
  [
    'Create',
    tpm2.createSealed({ parent: key, data: Uint8Array.of(1, 2, 3, 4), policy: EMPTY, attributes: 0x52 }),
    1,
    `8002 0000003b 00000153 80000000 ${PW} 0008 0000 0004 01020304 000e 0008 000b 00000052 0000 0010 0000 0000 00000000`,
  ],
  ['Unseal', tpm2.unseal(tpm2.unnamed(0x80000001)), 1, `8002 0000001b 0000015e 80000001 ${PW}`],
];

for (const [name, command, passwords, expected] of TABLE) {
  test(`${name} is encoded as recorded`, () => {
    const authorizations: Authorization[] = Array.from({ length: passwords }, () => NO_PASSWORD);
    const { bytes } = prepare(nodeCrypto, command, authorizations);
    assert.equal(Buffer.from(bytes).toString('hex'), expected.replaceAll(' ', ''));
  });
}

test('an unsalted policy session authorizes with an empty HMAC', () => {
  const session: Session = {
    kind: 'policy',
    handle: POLICY,
    sessionKey: EMPTY,
    encrypts: false,
    nonceTpm: digest,
    ended: false,
  };
  const { bytes } = prepare(nodeCrypto, tpm2.unseal(key), [{ kind: 'session', session, keep: false }]);
  const text = Buffer.from(bytes).toString('hex');
  // Handle, 32-byte nonce, attributes 00, HMAC of length 0.
  assert.match(text, /^8002000000..0000015e800000000000002903000000\w{4}\w{64}000000$/);
});

test('the HMAC of a command covers code, Names, parameters, both nonces and attributes', () => {
  const session: Session = {
    kind: 'hmac',
    handle: 0x02000000,
    sessionKey: digest,
    encrypts: false,
    nonceTpm: digest,
    ended: false,
  };
  const index = { handle: 0x01800001, name: new Uint8Array(34).fill(3) };
  const fixed = { ...nodeCrypto, random: (length: number) => new Uint8Array(length).fill(0x11) };
  const secret = Uint8Array.of(7, 0, 0);
  const { bytes } = prepare(fixed, tpm2.nvRead({ index, sizeBytes: 8 }), [
    { kind: 'session', session, authValue: secret },
  ]);
  const cpHash = nodeCrypto.sha256(Uint8Array.of(0, 0, 1, 0x4e), index.name, index.name, Uint8Array.of(0, 8, 0, 0));
  const hmac = nodeCrypto.hmacSha256(
    Uint8Array.of(...digest, 7),
    cpHash,
    new Uint8Array(32).fill(0x11),
    digest,
    Uint8Array.of(1),
  );
  assert.deepEqual(bytes.subarray(-36, -4), hmac);
});

test('limits are refused before they are encoded', () => {
  assert.throws(() => tpm2.pcrRead([24]), RangeError);
  assert.throws(() => tpm2.pcrRead([-1]), RangeError);
  assert.throws(() => tpm2.pcrExtend(0, new Uint8Array(31)), RangeError);
  assert.throws(() => tpm2.getRandom(0x10000), RangeError);
  const write = (length: number): Command<void> => tpm2.nvWrite({ index: I1, data: new Uint8Array(length) });
  // 10 header, 8 handles, 13 authorization, 2 length, 2 offset: 4061 bytes fill a command of 4096.
  assert.equal(prepare(nodeCrypto, write(4061), [NO_PASSWORD]).bytes.length, 4096);
  assert.throws(() => prepare(nodeCrypto, write(4062), [NO_PASSWORD]), /4097 bytes long/);
});
