/** Sessions and policy assertions of the simulated TPM (TPM 2.0 Part 3 §11 and §23). Bound sessions are refused. */
import { ByteWriter, concatBytes, equalBytes, u32Bytes } from './codec.ts';
import { kdfa, kdfe } from './crypto.ts';
import { findSession, isSessionHandle, nvName, objectOf } from './simulated-entity.ts';
import { Input, RC, Refusal, handleNumber, parameterNumber, withBlame } from './simulated-input.ts';
import { readableIndex } from './simulated-nv.ts';
import { pcrDigestOf, writeSelections } from './simulated-pcr.ts';
import { draw } from './simulated-state.ts';
import type { Machine, SimulatedObject, SimulatedSession } from './simulated-state.ts';
import * as spec from './spec.ts';
import { compareNv } from './simulated-compare.ts';

const NONCE_MIN_BYTES = 16;
/** A 2-byte size and two 32-byte coordinates with theirs, with room for larger curves. */
const ENCRYPTED_SECRET_MAX_BYTES = 2 * (2 + 66) + 256;

const KINDS: ReadonlyMap<number, SimulatedSession['kind']> = new Map([
  [spec.TPM_SE_HMAC, 'hmac'],
  [spec.TPM_SE_POLICY, 'policy'],
  [spec.TPM_SE_TRIAL, 'trial'],
]);

/** TPMT_SYM_DEF: none, or AES-128-CFB. */
function readSymmetric(input: Input): boolean {
  const algorithm = input.u16();
  if (algorithm === spec.TPM_ALG_NULL) return false;
  if (algorithm !== spec.TPM_ALG_AES) throw input.refuse(RC.SYMMETRIC);
  if (input.u16() !== 128) throw input.refuse(RC.VALUE);
  if (input.u16() !== spec.TPM_ALG_CFB) throw input.refuse(RC.MODE);
  return true;
}

/** One-pass ECDH with the key's private scalar. */
function decryptSalt(machine: Machine, key: SimulatedObject, encrypted: Uint8Array): Uint8Array {
  const blame = parameterNumber(2);
  const { ecc } = machine.crypto;
  const input = new Input(encrypted);
  input.blame = blame;
  const point = { x: input.sized(66), y: input.sized(66) };
  if (input.remaining !== 0) throw withBlame(RC.SIZE, blame);
  const shared = ecc?.sharedX(key.secret, point);
  if (shared === undefined || key.point === undefined) throw withBlame(RC.ECC_POINT, blame);
  return kdfe(machine.crypto, shared, 'SECRET', point.x, key.point.x);
}

export function startAuthSession(
  machine: Machine,
  handles: readonly number[],
  input: Input,
): { handle: number; parameters: Uint8Array } {
  const [keyHandle = 0] = handles;
  const nonceCaller = input.parameter(1).sized(spec.MAX_DIGEST_SIZE_BYTES);
  const encryptedSalt = input.parameter(2).sized(ENCRYPTED_SECRET_MAX_BYTES);
  const kind = KINDS.get(input.parameter(3).u8());
  if (kind === undefined) throw input.refuse(RC.VALUE);
  const encrypts = readSymmetric(input.parameter(4));
  const hash = input.parameter(5).hashAlgorithm();
  input.end();
  if (hash !== spec.TPM_ALG_SHA256) throw input.refuse(RC.HASH);
  if (nonceCaller.length < NONCE_MIN_BYTES || nonceCaller.length > spec.SHA256_SIZE_BYTES)
    throw new Refusal(RC.SIZE + parameterNumber(1));
  let salt: Uint8Array | undefined;
  if (keyHandle === spec.TPM_RH_NULL) {
    if (encryptedSalt.length !== 0) throw new Refusal(RC.VALUE + parameterNumber(2));
  } else {
    const key = objectOf(machine, keyHandle);
    if (key.kind === 'sealed') throw new Refusal(RC.KEY + handleNumber(1));
    if (key.kind !== 'storage') throw new Refusal(RC.ATTRIBUTES + handleNumber(1));
    salt = decryptSalt(machine, key, encryptedSalt);
  }
  const { sessions } = machine.volatile;
  if (sessions.size >= spec.MAX_LOADED_SESSIONS) throw new Refusal(RC.SESSION_MEMORY);
  let slot = 0;
  while (sessions.has(slot)) slot += 1;
  const nonceTpm = draw(machine, nonceCaller.length);
  const sessionKey =
    salt === undefined ? new Uint8Array(0) : kdfa(machine.crypto, salt, 'ATH', nonceTpm, nonceCaller, 256);
  sessions.set(slot, {
    kind,
    sessionKey,
    encrypts,
    nonceTpm,
    policyDigest: new Uint8Array(spec.SHA256_SIZE_BYTES),
    pcrCounter: 0,
  });
  const type = kind === 'hmac' ? spec.TPM_HT_HMAC_SESSION : spec.TPM_HT_POLICY_SESSION;
  return { handle: type * 0x1000000 + slot, parameters: new ByteWriter().sized(nonceTpm).done() };
}

export function flushContext(machine: Machine, _handles: readonly number[], input: Input): void {
  const handle = input.parameter(1).u32();
  const isObject = handle >= 0x80000000 && handle < 0x80000000 + spec.MAX_LOADED_OBJECTS;
  if (!isObject && !isSessionHandle(handle)) throw input.refuse(RC.VALUE);
  input.end();
  const isGone = isObject ? !machine.volatile.objects.delete(handle) : !flushSession(machine, handle);
  if (isGone) throw new Refusal(RC.HANDLE + parameterNumber(1));
}

function flushSession(machine: Machine, handle: number): boolean {
  return machine.volatile.sessions.delete(handle & 0xffffff);
}

function policySession(machine: Machine, handle: number): SimulatedSession {
  const session = findSession(machine, handle);
  if (session === undefined) throw new Refusal(RC.REFERENCE_H0);
  return session;
}

export function policyPcr(machine: Machine, handles: readonly number[], input: Input): void {
  const [handle = 0] = handles;
  const expected = input.parameter(1).sized(spec.MAX_DIGEST_SIZE_BYTES);
  const selections = input.parameter(2).pcrSelections();
  input.end();
  const session = policySession(machine, handle);
  const { pcrCounter } = machine.volatile;
  let digest = pcrDigestOf(machine, selections);
  if (session.kind === 'trial') {
    if (expected.length !== 0) digest = expected;
  } else {
    if (session.pcrCounter !== 0 && session.pcrCounter !== pcrCounter) throw new Refusal(RC.PCR_CHANGED);
    if (expected.length !== 0 && !equalBytes(expected, digest)) throw new Refusal(RC.VALUE + parameterNumber(1));
    session.pcrCounter = pcrCounter;
  }
  const link = writeSelections(new ByteWriter().u32(spec.COMMANDS.PolicyPCR.code), selections).bytes(digest).done();
  session.policyDigest = machine.crypto.sha256(session.policyDigest, link);
}

export function policyNv(machine: Machine, handles: readonly number[], input: Input): void {
  const [authority = 0, handle = 0, sessionHandle = 0] = handles;
  const operand = input.parameter(1).sized(spec.MAX_DIGEST_SIZE_BYTES);
  const offset = input.parameter(2).u16();
  const operation = input.parameter(3).u16();
  if (operation > spec.TPM_EO.bitClear) throw input.refuse(RC.VALUE);
  input.end();
  const session = policySession(machine, sessionHandle);
  const index = machine.permanent.nv.get(handle);
  if (index === undefined) throw new Refusal(RC.HANDLE);
  if (session.kind !== 'trial') {
    readableIndex(machine, authority, handle);
    if (offset > index.sizeBytes) throw new Refusal(RC.VALUE + parameterNumber(2));
    if (operand.length > index.sizeBytes - offset) throw new Refusal(RC.SIZE + parameterNumber(1));
    if (!compareNv(index.data.subarray(offset, offset + operand.length), operand, operation))
      throw new Refusal(RC.POLICY);
  }
  const argument = machine.crypto.sha256(new ByteWriter().bytes(operand).u16(offset).u16(operation).done());
  const link = concatBytes(u32Bytes(spec.COMMANDS.PolicyNV.code), argument, nvName(machine, index));
  session.policyDigest = machine.crypto.sha256(session.policyDigest, link);
}

export function policyGetDigest(machine: Machine, handles: readonly number[], input: Input): Uint8Array {
  const [handle = 0] = handles;
  input.end();
  return new ByteWriter().sized(policySession(machine, handle).policyDigest).done();
}
