/**
 * The commands of TPM 2.0 Part 3 that refmon uses, each as a pure function from arguments to a `Command` value.
 *
 * A `Command` says which handles it names (with their Names, to which sessions are bound), its parameters as bytes, and
 * how to read its answer. Nothing is sent here: `Tpm.run` does that, and adds authorizations and checks.
 */
import {
  ByteReader,
  ByteWriter,
  decodeNvPublic,
  decodePcrSelection,
  encodeNvPublic,
  encodePcrSelection,
  u32Bytes,
} from './codec.ts';
import type { NvPublic } from './codec.ts';
import * as spec from './spec.ts';
import type { CommandName } from './spec.ts';

/** Something a handle stands for. Its Name is what HMACs cover, so another object under the same handle is noticed. */
export interface Entity {
  readonly handle: number;
  /** Empty if not known; then only a password can authorize it. */
  readonly name: Uint8Array;
}

/** An entity whose Name is its handle: a hierarchy, a PCR, a session. */
export function byHandle(handle: number): Entity {
  return { handle, name: u32Bytes(handle) };
}

/** An NV index or object whose Name was not asked for; good enough for password authorization only. */
export function unnamed(handle: number): Entity {
  return { handle, name: new Uint8Array(0) };
}

export const OWNER = byHandle(spec.TPM_RH_OWNER);
export const LOCKOUT = byHandle(spec.TPM_RH_LOCKOUT);
export const PLATFORM = byHandle(spec.TPM_RH_PLATFORM);
export const ENDORSEMENT = byHandle(spec.TPM_RH_ENDORSEMENT);

export interface Command<Result> {
  readonly name: CommandName;
  readonly handles: readonly Entity[];
  readonly parameters: Uint8Array;
  /** Reads the response parameters; what it leaves over is an error. `handle` is 0 where the response has none. */
  decode(response: ByteReader, handle: number): Result;
  /** The authValue of the first handle after this command, where the command changes it: the response is keyed with it. */
  readonly authValueAfter?: Uint8Array;
}

const EMPTY = new Uint8Array(0);

function command<Result>(
  name: CommandName,
  handles: readonly Entity[],
  parameters: Uint8Array,
  decode: (response: ByteReader, handle: number) => Result,
): Command<Result> {
  return { name, handles, parameters, decode };
}

function nothing(): void {
  // most commands answer with a response code only
}

const writer = (): ByteWriter => new ByteWriter();

// --- starting and stopping, randomness, capabilities ---------------------------------------------------------------

export function startup(type: 'clear' | 'state' = 'clear'): Command<void> {
  return command(
    'Startup',
    [],
    writer()
      .u16(type === 'clear' ? spec.TPM_SU_CLEAR : spec.TPM_SU_STATE)
      .done(),
    nothing,
  );
}

export function shutdown(type: 'clear' | 'state' = 'clear'): Command<void> {
  return command(
    'Shutdown',
    [],
    writer()
      .u16(type === 'clear' ? spec.TPM_SU_CLEAR : spec.TPM_SU_STATE)
      .done(),
    nothing,
  );
}

/** A TPM gives at most one digest (64 bytes on swtpm) and may give fewer bytes than asked. */
export function getRandom(sizeBytes: number): Command<Uint8Array> {
  return command('GetRandom', [], writer().u16(sizeBytes).done(), (response) => response.sized());
}

/** Handles of one type in use, in ascending order, from `first` on: NV indices from 0x01000000, objects from 0x80000000. */
export function getHandles(
  first: number,
  countMax: number,
): Command<{ readonly more: boolean; readonly handles: number[] }> {
  const parameters = writer().u32(spec.TPM_CAP_HANDLES).u32(first).u32(countMax).done();
  return command('GetCapability', [], parameters, (response) => {
    const more = response.u8() !== 0;
    response.u32();
    const handles: number[] = [];
    for (let left = response.u32(); left > 0; left -= 1) handles.push(response.u32());
    return { more, handles };
  });
}

/** TPM properties from `first` on, as (property, value) pairs. */
export function getProperties(first: number, countMax: number): Command<ReadonlyMap<number, number>> {
  const parameters = writer().u32(spec.TPM_CAP_TPM_PROPERTIES).u32(first).u32(countMax).done();
  return command('GetCapability', [], parameters, (response) => {
    response.u8();
    response.u32();
    const properties = new Map<number, number>();
    for (let left = response.u32(); left > 0; left -= 1) properties.set(response.u32(), response.u32());
    return properties;
  });
}

// --- hierarchies ----------------------------------------------------------------------------------------------------

/** Deletes everything of the owner: indices, keys, sealed blobs. `authority` is LOCKOUT or PLATFORM. */
export function clear(authority: Entity): Command<void> {
  const cleared = command('Clear', [authority], EMPTY, nothing);
  return authority.handle === spec.TPM_RH_LOCKOUT ? { ...cleared, authValueAfter: EMPTY } : cleared;
}

export function clearControl(authority: Entity, disable: boolean): Command<void> {
  return command(
    'ClearControl',
    [authority],
    writer()
      .u8(disable ? 1 : 0)
      .done(),
    nothing,
  );
}

export function hierarchyChangeAuth(hierarchy: Entity, newAuth: Uint8Array): Command<void> {
  return {
    ...command('HierarchyChangeAuth', [hierarchy], writer().sized(newAuth).done(), nothing),
    authValueAfter: newAuth,
  };
}

// --- NV indices -----------------------------------------------------------------------------------------------------

export interface NvDefinition {
  readonly public: NvPublic;
  /** The secret of the index: at most 32 bytes; trailing zeros do not count. */
  readonly authValue?: Uint8Array;
  /** OWNER (default) or PLATFORM. */
  readonly authority?: Entity;
}

export function nvDefineSpace(definition: NvDefinition): Command<void> {
  const parameters = writer()
    .sized(definition.authValue ?? EMPTY)
    .sized(encodeNvPublic(definition.public))
    .done();
  return command('NV_DefineSpace', [definition.authority ?? OWNER], parameters, nothing);
}

export function nvUndefineSpace(index: Entity, authority: Entity = OWNER): Command<void> {
  return command('NV_UndefineSpace', [authority, index], EMPTY, nothing);
}

/** Which index, and who authorizes: the index itself by default. */
export interface NvAccess {
  readonly index: Entity;
  readonly authority?: Entity;
}

function nvHandles(access: NvAccess): Entity[] {
  return [access.authority ?? access.index, access.index];
}

/** At most 1024 bytes in one command. The first write sets WRITTEN, which changes the index's Name. */
export function nvWrite(access: NvAccess & { readonly data: Uint8Array; readonly offset?: number }): Command<void> {
  return command(
    'NV_Write',
    nvHandles(access),
    writer()
      .sized(access.data)
      .u16(access.offset ?? 0)
      .done(),
    nothing,
  );
}

export function nvRead(
  access: NvAccess & { readonly sizeBytes: number; readonly offset?: number },
): Command<Uint8Array> {
  const parameters = writer()
    .u16(access.sizeBytes)
    .u16(access.offset ?? 0)
    .done();
  return command('NV_Read', nvHandles(access), parameters, (response) => response.sized());
}

export function nvIncrement(access: NvAccess): Command<void> {
  return command('NV_Increment', nvHandles(access), EMPTY, nothing);
}

export function nvExtend(access: NvAccess & { readonly data: Uint8Array }): Command<void> {
  return command('NV_Extend', nvHandles(access), writer().sized(access.data).done(), nothing);
}

/** The Name is as the TPM alleges it; `Tpm.nvEntity` compares it with the public area. */
export function nvReadPublic(
  index: number,
): Command<{ readonly public: NvPublic; readonly name: Uint8Array; readonly area: Uint8Array }> {
  return command('NV_ReadPublic', [unnamed(index)], EMPTY, (response) => {
    const area = response.sized();
    return { public: decodeNvPublic(area), name: response.sized(), area };
  });
}

// --- PCRs -----------------------------------------------------------------------------------------------------------

/** Extends the SHA-256 bank: new = H(old | digest). */
export function pcrExtend(pcr: number, digest: Uint8Array): Command<void> {
  if (digest.length !== spec.SHA256_SIZE_BYTES) throw new RangeError(`digest is ${digest.length} bytes long, not 32`);
  return command('PCR_Extend', [byHandle(pcr)], writer().u32(1).u16(spec.TPM_ALG_SHA256).bytes(digest).done(), nothing);
}

export function pcrReset(pcr: number): Command<void> {
  return command('PCR_Reset', [byHandle(pcr)], EMPTY, nothing);
}

/** A TPM reads at most eight PCRs at once; `pcrs` in the answer says which. */
export function pcrRead(
  pcrs: readonly number[],
): Command<{ readonly updateCounter: number; readonly pcrs: number[]; readonly digests: Uint8Array[] }> {
  return command('PCR_Read', [], encodePcrSelection(pcrs), (response) => {
    const updateCounter = response.u32();
    const read = decodePcrSelection(response);
    const digests: Uint8Array[] = [];
    for (let left = response.u32(); left > 0; left -= 1) digests.push(response.sized());
    return { updateCounter, pcrs: read, digests };
  });
}

// --- sessions and policies ------------------------------------------------------------------------------------------

export interface SessionStart {
  readonly type: 'hmac' | 'policy' | 'trial';
  readonly nonceCaller: Uint8Array;
  /** The loaded decryption key that the salt is encrypted to; absent for an unsalted session. */
  readonly saltKey?: Entity;
  readonly encryptedSalt?: Uint8Array;
  /** Whether the session shall encrypt parameters with AES-128-CFB. */
  readonly encrypts: boolean;
}

const SESSION_TYPES = { hmac: spec.TPM_SE_HMAC, policy: spec.TPM_SE_POLICY, trial: spec.TPM_SE_TRIAL };

export function startAuthSession(
  start: SessionStart,
): Command<{ readonly handle: number; readonly nonceTpm: Uint8Array }> {
  const parameters = writer()
    .sized(start.nonceCaller)
    .sized(start.encryptedSalt ?? EMPTY)
    .u8(SESSION_TYPES[start.type]);
  if (start.encrypts) parameters.u16(spec.TPM_ALG_AES).u16(128).u16(spec.TPM_ALG_CFB);
  else parameters.u16(spec.TPM_ALG_NULL);
  parameters.u16(spec.TPM_ALG_SHA256);
  const handles = [start.saltKey ?? byHandle(spec.TPM_RH_NULL), byHandle(spec.TPM_RH_NULL)];
  return command('StartAuthSession', handles, parameters.done(), (response, handle) => ({
    handle,
    nonceTpm: response.sized(),
  }));
}

/** The handle is a parameter here, so no authorization is possible or needed. */
export function flushContext(handle: number): Command<void> {
  return command('FlushContext', [], u32Bytes(handle), nothing);
}

/** With `pcrDigest` empty the current values are taken. */
export function policyPcr(session: number, pcrs: readonly number[], pcrDigest: Uint8Array = EMPTY): Command<void> {
  return command(
    'PolicyPCR',
    [byHandle(session)],
    writer().sized(pcrDigest).bytes(encodePcrSelection(pcrs)).done(),
    nothing,
  );
}

export interface NvComparison extends NvAccess {
  readonly session: number;
  readonly operand: Uint8Array;
  readonly offset?: number;
  readonly operation: keyof typeof spec.TPM_EO;
}

export function policyNv(comparison: NvComparison): Command<void> {
  const parameters = writer()
    .sized(comparison.operand)
    .u16(comparison.offset ?? 0)
    .u16(spec.TPM_EO[comparison.operation]);
  return command('PolicyNV', [...nvHandles(comparison), byHandle(comparison.session)], parameters.done(), nothing);
}

export function policyGetDigest(session: number): Command<Uint8Array> {
  return command('PolicyGetDigest', [byHandle(session)], EMPTY, (response) => response.sized());
}
