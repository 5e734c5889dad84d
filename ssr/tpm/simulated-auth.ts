/**
 * Session areas of the simulated TPM: parsing, authorization, parameter encryption, and the session area of responses
 * (TPM 2.0 Part 1 §19 and §21), with checks in the order of the reference code.
 *
 * Not simulated: audit and bound sessions, and dictionary-attack counting for objects and indices (every one is treated
 * as noDA). A wrong lockout secret does disable the lockout secret, as on a chip, here until the state is replaced.
 */
import { ByteWriter, concatBytes, equalBytes, stripTrailingZeros, u32Bytes } from './codec.ts';
import { cryptParameter } from './crypto.ts';
import {
  authPolicyOf,
  authValueOf,
  findSession,
  handleType,
  isAuthValueAvailable,
  isSessionHandle,
  nameOfHandle,
} from './simulated-entity.ts';
import { Input, RC, Refusal, sessionNumber, withBlame } from './simulated-input.ts';
import { draw } from './simulated-state.ts';
import type { Machine, SimulatedSession } from './simulated-state.ts';
import * as spec from './spec.ts';
import type { CommandName } from './spec.ts';

/** One entry of a session area. `session` is undefined for a password. */
export interface UsedSession {
  readonly handle: number;
  readonly session: SimulatedSession | undefined;
  readonly nonceCaller: Uint8Array;
  readonly attributes: number;
  readonly authorization: Uint8Array;
  /** The handle that it authorizes, or undefined if it only encrypts. */
  readonly entity: number | undefined;
}

const EMPTY = new Uint8Array(0);
const { TPMA_SESSION_CONTINUE, TPMA_SESSION_DECRYPT, TPMA_SESSION_ENCRYPT } = spec;
const NOT_FOR_PASSWORDS =
  TPMA_SESSION_DECRYPT |
  TPMA_SESSION_ENCRYPT |
  spec.TPMA_SESSION_AUDIT |
  spec.TPMA_SESSION_AUDIT_EXCLUSIVE |
  spec.TPMA_SESSION_AUDIT_RESET;

function has(use: UsedSession, attribute: number): boolean {
  return (use.attributes & attribute) !== 0;
}

/** Reads and checks the form of all sessions; authorizes nothing yet. */
function readSessions(machine: Machine, name: CommandName, handles: readonly number[], area: Input): UsedSession[] {
  const shape = spec.COMMANDS[name];
  const uses: UsedSession[] = [];
  while (area.remaining > 0) {
    const at = uses.length;
    area.blame = sessionNumber(at + 1);
    if (at === spec.MAX_SESSIONS_IN_COMMAND) throw area.refuse(RC.SIZE);
    const handle = area.u32();
    if (handle !== spec.TPM_RS_PW && !isSessionHandle(handle)) throw area.refuse(RC.VALUE);
    const nonceCaller = area.sized(spec.MAX_DIGEST_SIZE_BYTES);
    const attributes = area.u8();
    if ((attributes & spec.TPMA_SESSION_RESERVED) !== 0) throw area.refuse(RC.RESERVED_BITS);
    const authorization = area.sized(spec.MAX_DIGEST_SIZE_BYTES);
    const entity = at < shape.auths ? handles[at] : undefined;
    if (handle === spec.TPM_RS_PW) {
      if ((attributes & NOT_FOR_PASSWORDS) !== 0) throw area.refuse(RC.ATTRIBUTES);
      if (nonceCaller.length !== 0) throw area.refuse(RC.NONCE);
      uses.push({ handle, session: undefined, nonceCaller, attributes, authorization, entity });
      continue;
    }
    const session = findSession(machine, handle);
    if (session === undefined) throw new Refusal(RC.REFERENCE_S0 + at);
    if ((session.kind === 'hmac') !== (handleType(handle) === spec.TPM_HT_HMAC_SESSION)) throw area.refuse(RC.HANDLE);
    if (uses.some((earlier) => earlier.handle === handle)) throw area.refuse(RC.HANDLE);
    const use = { handle, session, nonceCaller, attributes, authorization, entity };
    checkEncryption(use, uses, TPMA_SESSION_DECRYPT, shape.encryptableCommand, area);
    checkEncryption(use, uses, TPMA_SESSION_ENCRYPT, shape.encryptableResponse, area);
    if (has(use, spec.TPMA_SESSION_AUDIT)) throw area.refuse(RC.ATTRIBUTES);
    uses.push(use);
  }
  return uses;
}

function checkEncryption(
  use: UsedSession,
  earlier: readonly UsedSession[],
  attribute: number,
  possible: boolean,
  area: Input,
): void {
  if (!has(use, attribute)) return;
  if (!possible || earlier.some((other) => has(other, attribute))) throw area.refuse(RC.ATTRIBUTES);
  if (use.session?.encrypts !== true) throw area.refuse(RC.SYMMETRIC);
}

/** The HMAC key: a policy session leaves the authValue out. */
function hmacKey(machine: Machine, use: UsedSession): Uint8Array {
  const { session, entity } = use;
  if (session === undefined) return EMPTY;
  if (entity === undefined || session.kind !== 'hmac') return session.sessionKey;
  return concatBytes(session.sessionKey, authValueOf(machine, entity));
}

/** The key of parameter encryption takes the authValue in, whatever the kind of session. */
function encryptionKey(machine: Machine, use: UsedSession): Uint8Array {
  return concatBytes(
    use.session?.sessionKey ?? EMPTY,
    use.entity === undefined ? EMPTY : authValueOf(machine, use.entity),
  );
}

function commandHmac(machine: Machine, uses: readonly UsedSession[], at: number, cpHash: Uint8Array): Uint8Array {
  const use = uses[at];
  if (use?.session === undefined) return EMPTY;
  const key = hmacKey(machine, use);
  if (key.length === 0 && use.authorization.length === 0) return EMPTY;
  const nonces = [use.nonceCaller, use.session.nonceTpm];
  if (at === 0 && use.entity !== undefined) {
    const decrypts = uses.find((other) => has(other, TPMA_SESSION_DECRYPT));
    const encrypts = uses.find((other) => has(other, TPMA_SESSION_ENCRYPT));
    if (decrypts?.session !== undefined && decrypts !== use) nonces.push(decrypts.session.nonceTpm);
    if (encrypts?.session !== undefined && encrypts !== use && encrypts !== decrypts)
      nonces.push(encrypts.session.nonceTpm);
  }
  return machine.crypto.hmacSha256(key, cpHash, ...nonces, Uint8Array.of(use.attributes));
}

/** The outcome of a wrong secret. Only the lockout hierarchy counts here. */
function wrongSecret(machine: Machine, use: UsedSession): number {
  if (use.entity !== spec.TPM_RH_LOCKOUT) return RC.BAD_AUTH;
  machine.permanent.isLockoutAuthEnabled = false;
  return RC.AUTH_FAIL;
}

function policyCode(
  machine: Machine,
  name: CommandName,
  entity: number,
  session: SimulatedSession,
): number | undefined {
  const policy = authPolicyOf(machine, name, entity);
  if (policy === undefined) return RC.AUTH_UNAVAILABLE;
  if (session.pcrCounter !== 0 && session.pcrCounter !== machine.volatile.pcrCounter) return RC.PCR_CHANGED;
  return equalBytes(session.policyDigest, policy) ? undefined : RC.POLICY_FAIL;
}

/** Checks one session against the entity that it authorizes; gives the code of a refusal. */
function authorizationCode(
  machine: Machine,
  name: CommandName,
  uses: readonly UsedSession[],
  at: number,
  cpHash: () => Uint8Array,
): number | undefined {
  const use = uses[at];
  if (use === undefined) return undefined;
  const { session, entity } = use;
  if (session?.kind === 'trial') return RC.ATTRIBUTES;
  if (entity === undefined) {
    if (session === undefined) return RC.HANDLE;
    if (!has(use, TPMA_SESSION_DECRYPT) && !has(use, TPMA_SESSION_ENCRYPT)) return RC.ATTRIBUTES;
  } else if (session?.kind === 'policy') {
    const refused = policyCode(machine, name, entity, session);
    if (refused !== undefined) return refused;
  } else {
    if (entity === spec.TPM_RH_LOCKOUT && !machine.permanent.isLockoutAuthEnabled) return RC.LOCKOUT;
    if (!isAuthValueAvailable(machine, name, entity)) return RC.AUTH_UNAVAILABLE;
  }
  const isRight =
    session === undefined
      ? equalBytes(stripTrailingZeros(use.authorization), entity === undefined ? EMPTY : authValueOf(machine, entity))
      : equalBytes(use.authorization, commandHmac(machine, uses, at, cpHash()));
  return isRight ? undefined : wrongSecret(machine, use);
}

/**
 * Reads the session area, authorizes, and decrypts the first parameter if a session asks for it.
 * @returns the sessions used and the parameters in the clear
 */
export function authorize(
  machine: Machine,
  name: CommandName,
  handles: readonly number[],
  input: Input,
): { uses: UsedSession[]; parameters: Uint8Array } {
  input.blame = 0;
  const size = input.u32();
  if (size < 9 || size > input.remaining) throw new Refusal(RC.SIZE);
  const shape = spec.COMMANDS[name];
  if (!shape.sessions) throw new Refusal(RC.AUTH_CONTEXT);
  const uses = readSessions(machine, name, handles, new Input(input.take(size)));
  const parameters = input.rest();
  if (uses.length < shape.auths) throw new Refusal(RC.AUTH_MISSING);
  let digest: Uint8Array | undefined;
  const cpHash = (): Uint8Array =>
    (digest ??= machine.crypto.sha256(
      u32Bytes(shape.code),
      ...handles.map((handle) => nameOfHandle(machine, handle)),
      parameters,
    ));
  uses.forEach((_use, at) => {
    const code = authorizationCode(machine, name, uses, at, cpHash);
    if (code !== undefined) throw withBlame(code, sessionNumber(at + 1));
  });
  const at = uses.findIndex((use) => has(use, TPMA_SESSION_DECRYPT));
  const use = uses[at];
  if (use?.session === undefined) return { uses, parameters };
  const key = encryptionKey(machine, use);
  return {
    uses,
    parameters: cryptFirst(machine, 'decrypt', key, use.nonceCaller, use.session.nonceTpm, parameters, at),
  };
}

function cryptFirst(
  machine: Machine,
  direction: 'encrypt' | 'decrypt',
  key: Uint8Array,
  nonceNewer: Uint8Array,
  nonceOlder: Uint8Array,
  parameters: Uint8Array,
  at: number,
): Uint8Array {
  const length = (parameters[0] ?? 0) * 0x100 + (parameters[1] ?? 0);
  if (parameters.length < 2) throw withBlame(RC.INSUFFICIENT, sessionNumber(at + 1));
  if (length > parameters.length - 2) throw withBlame(RC.SIZE, sessionNumber(at + 1));
  const first = cryptParameter(
    machine.crypto,
    direction,
    key,
    nonceNewer,
    nonceOlder,
    parameters.subarray(2, 2 + length),
  );
  return concatBytes(parameters.subarray(0, 2), first, parameters.subarray(2 + length));
}

/** The body of a successful response after its handle: size, parameters (encrypted if asked for), session area. */
export function answerSessions(
  machine: Machine,
  name: CommandName,
  uses: readonly UsedSession[],
  parameters: Uint8Array,
): Uint8Array {
  const fresh = uses.map(({ session }) => (session === undefined ? EMPTY : draw(machine, session.nonceTpm.length)));
  const at = uses.findIndex((use) => has(use, TPMA_SESSION_ENCRYPT));
  const encrypting = uses[at];
  const sent =
    encrypting === undefined
      ? parameters
      : cryptFirst(
          machine,
          'encrypt',
          encryptionKey(machine, encrypting),
          fresh[at] ?? EMPTY,
          encrypting.nonceCaller,
          parameters,
          at,
        );
  const rpHash = machine.crypto.sha256(u32Bytes(0), u32Bytes(spec.COMMANDS[name].code), sent);
  const body = new ByteWriter().u32(sent.length).bytes(sent);
  uses.forEach((use, index) => {
    const { session } = use;
    if (session === undefined) {
      body.sized(EMPTY).u8(TPMA_SESSION_CONTINUE).sized(EMPTY);
      return;
    }
    const nonceTpm = fresh[index] ?? EMPTY;
    const key = hmacKey(machine, use);
    const isUnkeyed = key.length === 0 && use.authorization.length === 0;
    const attributes = Uint8Array.of(use.attributes);
    const hmac = isUnkeyed ? EMPTY : machine.crypto.hmacSha256(key, rpHash, nonceTpm, use.nonceCaller, attributes);
    body.sized(nonceTpm).bytes(attributes).sized(hmac);
    session.nonceTpm = nonceTpm;
    if (session.kind === 'policy') {
      session.policyDigest = new Uint8Array(spec.SHA256_SIZE_BYTES);
      session.pcrCounter = 0;
    }
    if (!has(use, TPMA_SESSION_CONTINUE)) machine.volatile.sessions.delete(use.handle & 0xffffff);
  });
  return body.done();
}
