/**
 * Authorization of commands, and proof that a response comes from the TPM: TPM 2.0 Part 1 §19 and §21.
 *
 * `prepare` turns a command and its authorizations into bytes and into `accept`, the only way to the answer. `accept`
 * checks every HMAC, in constant time, before it decrypts, parses or believes anything. Nonces are fresh for each
 * command, so an answer cannot be replayed; Names are covered, so an index re-created with another secret or another
 * shape is noticed.
 *
 * It does not protect errors: a refusal carries no HMAC (Part 1 §18.5), so a refusal may be forged, an answer may not.
 * Bound sessions and audit are not used.
 */
import { ByteReader, ByteWriter, equalBytes, frameCommand, stripTrailingZeros, u32Bytes } from './codec.ts';
import type { Command } from './commands.ts';
import { cryptParameter } from './crypto.ts';
import type { TpmCrypto } from './crypto.ts';
import { RC_SUCCESS, TpmError, TpmTransportError } from './errors.ts';
import * as spec from './spec.ts';

/** A session as the caller sees it. Nonces roll with each command, so one session serves one command at a time. */
export interface Session {
  readonly kind: 'hmac' | 'policy' | 'trial';
  readonly handle: number;
  /** Empty for an unsalted session. */
  readonly sessionKey: Uint8Array;
  readonly encrypts: boolean;
  nonceTpm: Uint8Array;
  /** Set when the TPM dropped the session, or when the outcome of a command that used it is unknown. */
  ended: boolean;
}

/** A password travels in the clear: for empty secrets and for tests. */
export interface PasswordUse {
  readonly kind: 'password';
  readonly value: Uint8Array;
}

export interface SessionUse {
  readonly kind: 'session';
  readonly session: Session;
  /** The secret of the entity that is authorized; it keys the HMAC and never travels. Empty for a policy session. */
  readonly authValue?: Uint8Array;
  /** Which first parameters to encrypt. */
  readonly encrypt?: 'none' | 'command' | 'response' | 'both';
  /** Keep the session after this command; true by default. */
  readonly keep?: boolean;
}

/** One for each handle that needs it, in order; further sessions may follow only to encrypt. */
export type Authorization = PasswordUse | SessionUse;

export const NO_PASSWORD: PasswordUse = { kind: 'password', value: new Uint8Array(0) };

export function password(value: Uint8Array): PasswordUse {
  return { kind: 'password', value };
}

export interface Prepared {
  readonly bytes: Uint8Array;
  /**
   * The verified answer. @throws TpmError if the TPM refused,
   * TpmTransportError `TPM_RESPONSE_FORGED` or `TPM_BAD_RESPONSE` if this is not the TPM's answer to this command
   */
  accept(response: Uint8Array): { readonly handle: number; readonly parameters: Uint8Array };
}

/** What one authorization will need again when the response comes. */
interface Slot {
  readonly use: Authorization;
  readonly attributes: number;
  readonly nonceCaller: Uint8Array;
}

const EMPTY = new Uint8Array(0);

function attributesOf(use: SessionUse): number {
  const encrypt = use.encrypt ?? 'none';
  return (
    (use.keep === false ? 0 : spec.TPMA_SESSION_CONTINUE) |
    (encrypt === 'command' || encrypt === 'both' ? spec.TPMA_SESSION_DECRYPT : 0) |
    (encrypt === 'response' || encrypt === 'both' ? spec.TPMA_SESSION_ENCRYPT : 0)
  );
}

function joined(sessionKey: Uint8Array, authValue: Uint8Array): Uint8Array {
  return new ByteWriter().bytes(sessionKey).bytes(stripTrailingZeros(authValue)).done();
}

/** A policy session proves by its policy, not by the secret: the secret then keys only parameter encryption. */
function hmacKey(use: SessionUse, authValue: Uint8Array): Uint8Array {
  return use.session.kind === 'policy' ? use.session.sessionKey : joined(use.session.sessionKey, authValue);
}

function isUnkeyed(use: SessionUse): boolean {
  return use.session.kind === 'policy' && use.session.sessionKey.length === 0;
}

function checkUse(command: Command<unknown>, authorizations: readonly Authorization[]): void {
  const shape = spec.COMMANDS[command.name];
  if (authorizations.length < shape.auths) {
    throw new RangeError(`${command.name} needs ${shape.auths} authorization(s), ${authorizations.length} given`);
  }
  if (authorizations.length > spec.MAX_SESSIONS_IN_COMMAND || (authorizations.length > 0 && !shape.sessions)) {
    throw new RangeError(`${command.name} takes no ${authorizations.length} authorizations`);
  }
  authorizations.forEach((use, index) => {
    if (use.kind === 'password') {
      if (index >= shape.auths) throw new RangeError(`password ${index + 1} of ${command.name} authorizes nothing`);
      return;
    }
    if (use.session.ended) throw new RangeError(`session 0x${use.session.handle.toString(16)} has ended`);
    if (use.session.kind === 'trial') throw new RangeError('a trial session authorizes nothing');
    const attributes = attributesOf(use);
    const wants = attributes & (spec.TPMA_SESSION_DECRYPT | spec.TPMA_SESSION_ENCRYPT);
    if (wants !== 0 && !use.session.encrypts) throw new RangeError('the session was started without encryption');
    if ((attributes & spec.TPMA_SESSION_DECRYPT) !== 0 && !shape.encryptableCommand) {
      throw new RangeError(`${command.name} has no command parameter that can be encrypted`);
    }
    if ((attributes & spec.TPMA_SESSION_ENCRYPT) !== 0 && !shape.encryptableResponse) {
      throw new RangeError(`${command.name} has no response parameter that can be encrypted`);
    }
    for (const entity of command.handles) {
      if (entity.name.length === 0)
        throw new RangeError(`the Name of 0x${entity.handle.toString(16)} is needed to use a session`);
    }
  });
}

/** Encrypts or decrypts the TPM2B at the front of `parameters`. @throws TpmTransportError if there is none */
function cryptFirst(
  crypto: TpmCrypto,
  direction: 'encrypt' | 'decrypt',
  key: Uint8Array,
  nonceNewer: Uint8Array,
  nonceOlder: Uint8Array,
  parameters: Uint8Array,
): Uint8Array {
  const reader = new ByteReader(parameters);
  const first = cryptParameter(crypto, direction, key, nonceNewer, nonceOlder, reader.sized());
  return new ByteWriter().sized(first).bytes(reader.take(reader.remaining)).done();
}

/** Builds the bytes of a command. @throws RangeError if command and authorizations do not fit together */
export function prepare(
  crypto: TpmCrypto,
  command: Command<unknown>,
  authorizations: readonly Authorization[],
): Prepared {
  checkUse(command, authorizations);
  const shape = spec.COMMANDS[command.name];
  const handleArea = new ByteWriter();
  for (const entity of command.handles) handleArea.u32(entity.handle);
  if (authorizations.length === 0) {
    const body = handleArea.bytes(command.parameters).done();
    const bytes = frameCommand(spec.TPM_ST_NO_SESSIONS, shape.code, body);
    return { bytes, accept: (response) => openResponse(command, response, false) };
  }

  const slots = authorizations.map((use): Slot =>
    use.kind === 'password'
      ? { use, attributes: spec.TPMA_SESSION_CONTINUE, nonceCaller: EMPTY }
      : { use, attributes: attributesOf(use), nonceCaller: crypto.random(spec.SHA256_SIZE_BYTES) },
  );
  const parameters = encryptCommand(crypto, command, slots);
  const names = command.handles.map((entity) => entity.name);
  const cpHash = crypto.sha256(u32Bytes(shape.code), ...names, parameters);
  const area = new ByteWriter();
  slots.forEach((slot, index) => {
    const { use } = slot;
    area
      .u32(use.kind === 'password' ? spec.TPM_RS_PW : use.session.handle)
      .sized(slot.nonceCaller)
      .u8(slot.attributes);
    area.sized(use.kind === 'password' ? use.value : commandHmac(crypto, slots, slot, index, shape.auths, cpHash));
  });
  const authArea = area.done();
  const body = handleArea.u32(authArea.length).bytes(authArea).bytes(parameters).done();
  const bytes = frameCommand(spec.TPM_ST_SESSIONS, shape.code, body);
  return { bytes, accept: (response) => acceptWithSessions(crypto, command, slots, response) };
}

function authValueOf(slots: readonly Slot[], slot: SessionUse, auths: number): Uint8Array {
  const index = slots.findIndex((other) => other.use === slot);
  return index < auths ? (slot.authValue ?? EMPTY) : EMPTY;
}

function encryptCommand(crypto: TpmCrypto, command: Command<unknown>, slots: readonly Slot[]): Uint8Array {
  const shape = spec.COMMANDS[command.name];
  const slot = slots.find(
    ({ use, attributes }) => use.kind === 'session' && (attributes & spec.TPMA_SESSION_DECRYPT) !== 0,
  );
  if (slot?.use.kind !== 'session') return command.parameters;
  const { session } = slot.use;
  const key = joined(session.sessionKey, authValueOf(slots, slot.use, shape.auths));
  return cryptFirst(crypto, 'encrypt', key, slot.nonceCaller, session.nonceTpm, command.parameters);
}

/** Part 1 §19.6.5. The first session also covers the nonces of those that encrypt, so that none can be taken out. */
function commandHmac(
  crypto: TpmCrypto,
  slots: readonly Slot[],
  slot: Slot,
  index: number,
  auths: number,
  cpHash: Uint8Array,
): Uint8Array {
  if (slot.use.kind !== 'session' || isUnkeyed(slot.use)) return EMPTY;
  const parts = [cpHash, slot.nonceCaller, slot.use.session.nonceTpm];
  if (index === 0 && auths > 0) {
    const decrypts = slots.findIndex((other) => (other.attributes & spec.TPMA_SESSION_DECRYPT) !== 0);
    const encrypts = slots.findIndex((other) => (other.attributes & spec.TPMA_SESSION_ENCRYPT) !== 0);
    for (const other of new Set([decrypts, encrypts])) {
      const use = slots[other]?.use;
      if (other > 0 && use?.kind === 'session') parts.push(use.session.nonceTpm);
    }
  }
  const key = hmacKey(slot.use, authValueOf(slots, slot.use, auths));
  return crypto.hmacSha256(key, ...parts, Uint8Array.of(slot.attributes));
}

/** Checks frame and response code; splits off handle and parameters. */
function openResponse(
  command: Command<unknown>,
  response: Uint8Array,
  withSessions: boolean,
): { handle: number; parameters: Uint8Array; sessions: ByteReader } {
  const reader = new ByteReader(response);
  const tag = reader.u16();
  const size = reader.u32();
  if (size !== response.length)
    throw new TpmTransportError(
      'TPM_BAD_RESPONSE',
      `${command.name}: response is ${response.length} bytes but claims ${size}`,
    );
  const code = reader.u32();
  if (code !== RC_SUCCESS) throw new TpmError(command.name, code);
  if (tag !== (withSessions ? spec.TPM_ST_SESSIONS : spec.TPM_ST_NO_SESSIONS)) {
    throw new TpmTransportError('TPM_BAD_RESPONSE', `${command.name}: response has tag 0x${tag.toString(16)}`);
  }
  const handle = spec.COMMANDS[command.name].responseHandle ? reader.u32() : 0;
  const parameters = reader.take(withSessions ? reader.u32() : reader.remaining);
  return { handle, parameters, sessions: reader };
}

function acceptWithSessions(
  crypto: TpmCrypto,
  command: Command<unknown>,
  slots: readonly Slot[],
  response: Uint8Array,
): { handle: number; parameters: Uint8Array } {
  const { handle, parameters, sessions } = openResponse(command, response, true);
  const shape = spec.COMMANDS[command.name];
  const rpHash = crypto.sha256(u32Bytes(RC_SUCCESS), u32Bytes(shape.code), parameters);
  const news = slots.map((slot, index) => {
    const nonceTpm = sessions.sized();
    const attributes = sessions.u8();
    const hmac = sessions.sized();
    if (!isGenuine(crypto, command, slots, slot, index, { rpHash, nonceTpm, attributes, hmac })) {
      endSessions(slots);
      throw new TpmTransportError(
        'TPM_RESPONSE_FORGED',
        `${command.name}: the HMAC of the response is wrong; nothing of it was used`,
      );
    }
    return { nonceTpm, attributes };
  });
  sessions.end();

  // Everything is verified; only now do nonces roll and parameters become readable.
  let clear = parameters;
  slots.forEach(({ use, nonceCaller, attributes }, index) => {
    const fresh = news[index];
    if (use.kind !== 'session' || fresh === undefined) return;
    if ((attributes & spec.TPMA_SESSION_ENCRYPT) !== 0) {
      const key = joined(use.session.sessionKey, responseAuthValue(command, slots, use, index));
      clear = cryptFirst(crypto, 'decrypt', key, fresh.nonceTpm, nonceCaller, clear);
    }
    use.session.nonceTpm = fresh.nonceTpm;
    if ((fresh.attributes & spec.TPMA_SESSION_CONTINUE) === 0) use.session.ended = true;
  });
  return { handle, parameters: clear };
}

/** Commands that change the secret of their first handle answer under the new one. */
function responseAuthValue(
  command: Command<unknown>,
  slots: readonly Slot[],
  use: SessionUse,
  index: number,
): Uint8Array {
  if (index === 0 && command.authValueAfter !== undefined) return command.authValueAfter;
  return authValueOf(slots, use, spec.COMMANDS[command.name].auths);
}

interface ResponseSession {
  readonly rpHash: Uint8Array;
  readonly nonceTpm: Uint8Array;
  readonly attributes: number;
  readonly hmac: Uint8Array;
}

function isGenuine(
  crypto: TpmCrypto,
  command: Command<unknown>,
  slots: readonly Slot[],
  slot: Slot,
  index: number,
  answer: ResponseSession,
): boolean {
  const { use } = slot;
  if (use.kind === 'password') return answer.nonceTpm.length === 0 && answer.hmac.length === 0;
  if (isUnkeyed(use)) return answer.hmac.length === 0;
  const key = hmacKey(use, responseAuthValue(command, slots, use, index));
  const expected = crypto.hmacSha256(
    key,
    answer.rpHash,
    answer.nonceTpm,
    slot.nonceCaller,
    Uint8Array.of(answer.attributes),
  );
  return equalBytes(expected, answer.hmac);
}

/** Marks every session of a command whose outcome is unknown: its nonces may or may not have rolled. */
export function endSessions(slots: readonly { readonly use: Authorization }[]): void {
  for (const { use } of slots) if (use.kind === 'session') use.session.ended = true;
}
