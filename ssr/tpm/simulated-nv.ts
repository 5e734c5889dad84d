/**
 * NV indices of the simulated TPM: ordinary, counter and extend (TPM 2.0 Part 3 §31).
 *
 * Not simulated, and refused with TPM_RC_ATTRIBUTES: bit fields, PIN indices, orderly (RAM-backed) indices. Lock bits are
 * kept but there is no command that sets a lock. Name algorithms other than SHA-256 are refused with TPM_RC_HASH.
 */
import { ByteReader, ByteWriter, encodeNvPublic, stripTrailingZeros } from './codec.ts';
import { nvIndexOf, nvName } from './simulated-entity.ts';
import { Input, RC, Refusal, handleNumber, parameterNumber } from './simulated-input.ts';
import type { Machine, SimulatedNvIndex } from './simulated-state.ts';
import * as spec from './spec.ts';

/** Bytes of NV memory: data and a fixed cost for each index. About 800 indices of 32 bytes fit, as in swtpm. */
export const SIMULATED_NV_CAPACITY_BYTES = 160_000;
const INDEX_OVERHEAD_BYTES = 160;

const READ_ATTRIBUTES = spec.TPMA_NV_OWNERREAD | spec.TPMA_NV_PPREAD | spec.TPMA_NV_AUTHREAD | spec.TPMA_NV_POLICYREAD;
const WRITE_ATTRIBUTES =
  spec.TPMA_NV_OWNERWRITE | spec.TPMA_NV_PPWRITE | spec.TPMA_NV_AUTHWRITE | spec.TPMA_NV_POLICYWRITE;
const STATE_ATTRIBUTES = spec.TPMA_NV_WRITTEN | spec.TPMA_NV_WRITELOCKED | spec.TPMA_NV_READLOCKED;

function isType(index: { readonly attributes: number }, type: number): boolean {
  return (index.attributes & spec.TPMA_NV_TYPE_MASK) === type;
}

function isWritten(index: SimulatedNvIndex): boolean {
  return (index.attributes & spec.TPMA_NV_WRITTEN) !== 0;
}

interface PublicInfo {
  readonly index: number;
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  readonly sizeBytes: number;
}

function readPublicInfo(input: Input): PublicInfo {
  return input.sizedStructure(() => {
    const index = input.u32();
    if (index >>> 24 !== spec.TPM_HT_NV_INDEX) throw input.refuse(RC.VALUE);
    if (input.hashAlgorithm() !== spec.TPM_ALG_SHA256) throw input.refuse(RC.HASH);
    const attributes = input.u32();
    if ((attributes & spec.TPMA_NV_RESERVED) !== 0) throw input.refuse(RC.RESERVED_BITS);
    const authPolicy = input.sized(spec.MAX_DIGEST_SIZE_BYTES);
    const sizeBytes = input.u16();
    if (sizeBytes > spec.MAX_NV_INDEX_SIZE_BYTES) throw input.refuse(RC.SIZE);
    return { index, attributes, authPolicy, sizeBytes };
  });
}

function typeCode(info: PublicInfo): number | undefined {
  const type = info.attributes & spec.TPMA_NV_TYPE_MASK;
  if (type === 0) return undefined;
  if (type === spec.TPMA_NV_COUNTER) {
    if (info.sizeBytes !== 8) return RC.SIZE;
    return (info.attributes & spec.TPMA_NV_CLEAR_STCLEAR) === 0 ? undefined : RC.ATTRIBUTES;
  }
  if (type === spec.TPMA_NV_EXTEND) return info.sizeBytes === spec.SHA256_SIZE_BYTES ? undefined : RC.SIZE;
  return RC.ATTRIBUTES;
}

/** Do the attributes make sense together, and with who defines the index? Throws with the blame of Part 3. */
function checkDefinition(authority: number, authValue: Uint8Array, info: PublicInfo): void {
  const blameInfo = (code: number): Refusal => new Refusal(code + parameterNumber(2));
  const has = (attribute: number): boolean => (info.attributes & attribute) !== 0;
  if (info.authPolicy.length !== 0 && info.authPolicy.length !== spec.SHA256_SIZE_BYTES) throw blameInfo(RC.SIZE);
  if (authValue.length > spec.SHA256_SIZE_BYTES) throw new Refusal(RC.SIZE + parameterNumber(1));
  const code = typeCode(info);
  if (code !== undefined) throw blameInfo(code);
  if (has(STATE_ATTRIBUTES) || !has(READ_ATTRIBUTES) || !has(WRITE_ATTRIBUTES) || has(spec.TPMA_NV_ORDERLY))
    throw blameInfo(RC.ATTRIBUTES);
  if (has(spec.TPMA_NV_CLEAR_STCLEAR) && has(spec.TPMA_NV_WRITEDEFINE)) throw blameInfo(RC.ATTRIBUTES);
  if (has(spec.TPMA_NV_PLATFORMCREATE) !== (authority === spec.TPM_RH_PLATFORM))
    throw new Refusal(RC.ATTRIBUTES + handleNumber(1));
  if (has(spec.TPMA_NV_POLICY_DELETE) && authority !== spec.TPM_RH_PLATFORM) throw blameInfo(RC.ATTRIBUTES);
  if (info.sizeBytes > spec.MAX_NV_BUFFER_SIZE_BYTES && has(spec.TPMA_NV_WRITEALL)) throw blameInfo(RC.SIZE);
}

export function nvDefineSpace(machine: Machine, handles: readonly number[], input: Input): void {
  const [authority = 0] = handles;
  const given = input.parameter(1).sized(spec.MAX_DIGEST_SIZE_BYTES);
  const info = readPublicInfo(input.parameter(2));
  input.end();
  const authValue = stripTrailingZeros(given).slice();
  checkDefinition(authority, authValue, info);
  const { nv } = machine.permanent;
  if (nv.has(info.index)) throw new Refusal(RC.NV_DEFINED);
  let used = INDEX_OVERHEAD_BYTES + info.sizeBytes;
  for (const other of nv.values()) used += INDEX_OVERHEAD_BYTES + other.sizeBytes;
  if (used > SIMULATED_NV_CAPACITY_BYTES) throw new Refusal(RC.NV_SPACE);
  nv.set(info.index, { ...info, authValue, data: new Uint8Array(info.sizeBytes).fill(0xff) });
}

function counterValue(index: SimulatedNvIndex): bigint {
  return new ByteReader(index.data).u64();
}

/** Deletes an index and remembers how high its counter was, so that no later counter starts lower. */
export function deleteIndex(machine: Machine, index: SimulatedNvIndex): void {
  const { permanent } = machine;
  if (isType(index, spec.TPMA_NV_COUNTER) && isWritten(index)) {
    const value = counterValue(index);
    if (value > permanent.counterFloor) permanent.counterFloor = value;
  }
  permanent.nv.delete(index.index);
}

export function nvUndefineSpace(machine: Machine, handles: readonly number[], input: Input): void {
  const [authority = 0, handle = 0] = handles;
  input.end();
  const index = nvIndexOf(machine, handle);
  if ((index.attributes & spec.TPMA_NV_POLICY_DELETE) !== 0) throw new Refusal(RC.ATTRIBUTES + handleNumber(2));
  if (authority === spec.TPM_RH_OWNER && (index.attributes & spec.TPMA_NV_PLATFORMCREATE) !== 0)
    throw new Refusal(RC.NV_AUTHORIZATION);
  deleteIndex(machine, index);
}

function checkAccess(authority: number, index: SimulatedNvIndex, access: 'read' | 'write'): void {
  const bits =
    access === 'read'
      ? { lock: spec.TPMA_NV_READLOCKED, owner: spec.TPMA_NV_OWNERREAD, platform: spec.TPMA_NV_PPREAD }
      : { lock: spec.TPMA_NV_WRITELOCKED, owner: spec.TPMA_NV_OWNERWRITE, platform: spec.TPMA_NV_PPWRITE };
  if ((index.attributes & bits.lock) !== 0) throw new Refusal(RC.NV_LOCKED);
  const isAllowed =
    authority === spec.TPM_RH_OWNER
      ? (index.attributes & bits.owner) !== 0
      : authority === spec.TPM_RH_PLATFORM
        ? (index.attributes & bits.platform) !== 0
        : authority === index.index;
  if (!isAllowed) throw new Refusal(RC.NV_AUTHORIZATION);
}

/** The index, if `authority` may read it and it has been written. */
export function readableIndex(machine: Machine, authority: number, handle: number): SimulatedNvIndex {
  const index = nvIndexOf(machine, handle);
  checkAccess(authority, index, 'read');
  if (!isWritten(index)) throw new Refusal(RC.NV_UNINITIALIZED);
  return index;
}

function writableIndex(machine: Machine, handles: readonly number[]): SimulatedNvIndex {
  const [authority = 0, handle = 0] = handles;
  const index = nvIndexOf(machine, handle);
  checkAccess(authority, index, 'write');
  return index;
}

function store(index: SimulatedNvIndex, offset: number, data: Uint8Array): void {
  index.data = index.data.slice();
  index.data.set(data, offset);
  // Zero-extend: attributes are unsigned 32-bit numbers.
  index.attributes = (index.attributes | spec.TPMA_NV_WRITTEN) >>> 0;
}

export function nvWrite(machine: Machine, handles: readonly number[], input: Input): void {
  const data = input.parameter(1).sized(spec.MAX_NV_BUFFER_SIZE_BYTES);
  const offset = input.parameter(2).u16();
  input.end();
  const index = writableIndex(machine, handles);
  if (!isType(index, 0)) throw new Refusal(RC.ATTRIBUTES);
  if (offset > index.sizeBytes) throw new Refusal(RC.VALUE + parameterNumber(2));
  if (data.length > index.sizeBytes - offset) throw new Refusal(RC.NV_RANGE);
  if ((index.attributes & spec.TPMA_NV_WRITEALL) !== 0 && data.length < index.sizeBytes) throw new Refusal(RC.NV_RANGE);
  store(index, offset, data);
}

export function nvIncrement(machine: Machine, handles: readonly number[], input: Input): void {
  input.end();
  const index = writableIndex(machine, handles);
  if (!isType(index, spec.TPMA_NV_COUNTER)) throw new Refusal(RC.ATTRIBUTES + handleNumber(2));
  const value = isWritten(index) ? counterValue(index) : machine.permanent.counterFloor;
  store(index, 0, new ByteWriter().u64(value + 1n).done());
}

export function nvExtend(machine: Machine, handles: readonly number[], input: Input): void {
  const data = input.parameter(1).sized(spec.MAX_NV_BUFFER_SIZE_BYTES);
  input.end();
  const index = writableIndex(machine, handles);
  if (!isType(index, spec.TPMA_NV_EXTEND)) throw new Refusal(RC.ATTRIBUTES + handleNumber(2));
  const old = isWritten(index) ? index.data : new Uint8Array(spec.SHA256_SIZE_BYTES);
  store(index, 0, machine.crypto.sha256(old, data));
}

export function nvRead(machine: Machine, handles: readonly number[], input: Input): Uint8Array {
  const [authority = 0, handle = 0] = handles;
  const size = input.parameter(1).u16();
  const offset = input.parameter(2).u16();
  input.end();
  const index = readableIndex(machine, authority, handle);
  if (size > spec.MAX_NV_BUFFER_SIZE_BYTES) throw new Refusal(RC.VALUE + parameterNumber(1));
  if (offset > index.sizeBytes) throw new Refusal(RC.VALUE + parameterNumber(2));
  if (size > index.sizeBytes - offset) throw new Refusal(RC.NV_RANGE);
  return new ByteWriter().sized(index.data.subarray(offset, offset + size)).done();
}

export function nvReadPublic(machine: Machine, handles: readonly number[], input: Input): Uint8Array {
  const [handle = 0] = handles;
  input.end();
  const index = nvIndexOf(machine, handle);
  return new ByteWriter().sized(encodeNvPublic(index)).sized(nvName(machine, index)).done();
}

/** Startup(CLEAR): indices that ask for it forget that they were written. */
export function forgetAtStartup(machine: Machine): void {
  for (const index of machine.permanent.nv.values()) {
    if ((index.attributes & spec.TPMA_NV_CLEAR_STCLEAR) !== 0)
      index.attributes = (index.attributes & ~spec.TPMA_NV_WRITTEN) >>> 0;
  }
}
