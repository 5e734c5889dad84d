/** What stands behind a handle of the simulated TPM: does it exist, what is its Name, what authorizes it. */
import { ByteWriter, encodeNvPublic, concatBytes, stripTrailingZeros, u32Bytes } from './codec.ts';
import { Input, RC, Refusal, handleNumber } from './simulated-input.ts';
import type { Machine, SimulatedNvIndex, SimulatedObject, SimulatedSession } from './simulated-state.ts';
import * as spec from './spec.ts';
import type { CommandName } from './spec.ts';

/** Which handles a place in the handle area accepts. */
type HandleKind =
  | 'provision'
  | 'nv-auth'
  | 'nv'
  | 'object'
  | 'object-or-null'
  | 'entity-or-null'
  | 'hierarchy'
  | 'hierarchy-auth'
  | 'clear'
  | 'pcr'
  | 'pcr-or-null'
  | 'policy';

export const HANDLE_KINDS: Readonly<Record<CommandName, readonly HandleKind[]>> = {
  NV_UndefineSpace: ['provision', 'nv'],
  Clear: ['clear'],
  ClearControl: ['clear'],
  HierarchyChangeAuth: ['hierarchy-auth'],
  NV_DefineSpace: ['provision'],
  CreatePrimary: ['hierarchy'],
  NV_Increment: ['nv-auth', 'nv'],
  NV_Extend: ['nv-auth', 'nv'],
  NV_Write: ['nv-auth', 'nv'],
  PCR_Reset: ['pcr'],
  Startup: [],
  Shutdown: [],
  PolicyNV: ['nv-auth', 'nv', 'policy'],
  NV_Read: ['nv-auth', 'nv'],
  Create: ['object'],
  Load: ['object'],
  Quote: ['object'],
  Unseal: ['object'],
  FlushContext: [],
  NV_ReadPublic: ['nv'],
  StartAuthSession: ['object-or-null', 'entity-or-null'],
  GetCapability: [],
  GetRandom: [],
  PCR_Read: [],
  PolicyPCR: ['policy'],
  PCR_Extend: ['pcr-or-null'],
  PolicyGetDigest: ['policy'],
};

const { TPM_RH_OWNER, TPM_RH_PLATFORM, TPM_RH_ENDORSEMENT, TPM_RH_LOCKOUT, TPM_RH_NULL } = spec;

export function handleType(handle: number): number {
  return handle >>> 24;
}

const isNv = (handle: number): boolean => handleType(handle) === spec.TPM_HT_NV_INDEX;
const isPcr = (handle: number): boolean => handle < spec.IMPLEMENTATION_PCR;
const isObject = (handle: number): boolean => handle >= 0x80000000 && handle < 0x80000000 + spec.MAX_LOADED_OBJECTS;
export const isSessionHandle = (handle: number): boolean =>
  (handleType(handle) === spec.TPM_HT_HMAC_SESSION || handleType(handle) === spec.TPM_HT_POLICY_SESSION) &&
  (handle & 0xffffff) < spec.MAX_ACTIVE_SESSIONS;

function accepts(kind: HandleKind, handle: number): boolean {
  switch (kind) {
    case 'provision':
      return handle === TPM_RH_OWNER || handle === TPM_RH_PLATFORM;
    case 'nv-auth':
      return accepts('provision', handle) || isNv(handle);
    case 'nv':
      return isNv(handle);
    case 'object':
      return isObject(handle);
    case 'object-or-null':
      return isObject(handle) || handle === TPM_RH_NULL;
    case 'entity-or-null':
      // Bound sessions are not simulated: only NULL is accepted.
      return handle === TPM_RH_NULL;
    case 'hierarchy':
      return [TPM_RH_OWNER, TPM_RH_PLATFORM, TPM_RH_ENDORSEMENT, TPM_RH_NULL].includes(handle);
    case 'hierarchy-auth':
      return [TPM_RH_OWNER, TPM_RH_PLATFORM, TPM_RH_ENDORSEMENT, TPM_RH_LOCKOUT].includes(handle);
    case 'clear':
      return handle === TPM_RH_LOCKOUT || handle === TPM_RH_PLATFORM;
    case 'pcr':
      return isPcr(handle);
    case 'pcr-or-null':
      return isPcr(handle) || handle === TPM_RH_NULL;
    case 'policy':
      return handleType(handle) === spec.TPM_HT_POLICY_SESSION && isSessionHandle(handle);
  }
}

/** The handle area: first all handles must be of an accepted kind, then all must name something that is there. */
export function readHandles(machine: Machine, name: CommandName, input: Input): number[] {
  const handles = HANDLE_KINDS[name].map((kind, at) => {
    input.blame = handleNumber(at + 1);
    const handle = input.u32();
    if (!accepts(kind, handle)) throw input.refuse(RC.VALUE);
    return handle;
  });
  handles.forEach((handle, at) => {
    if (isNv(handle) && !machine.permanent.nv.has(handle)) throw new Refusal(RC.HANDLE + handleNumber(at + 1));
    if (isObject(handle) && !machine.volatile.objects.has(handle)) throw new Refusal(RC.REFERENCE_H0 + at);
    if (isSessionHandle(handle)) {
      const session = findSession(machine, handle);
      if (session === undefined) throw new Refusal(RC.REFERENCE_H0 + at);
      if (session.kind === 'hmac') throw new Refusal(RC.HANDLE + handleNumber(at + 1));
    }
  });
  return handles;
}

/** The session in the slot that a handle names, whatever its type. */
export function findSession(machine: Machine, handle: number): SimulatedSession | undefined {
  return machine.volatile.sessions.get(handle & 0xffffff);
}

/** @throws Refusal if it is gone; `readHandles` has checked that it is there */
export function nvIndexOf(machine: Machine, handle: number): SimulatedNvIndex {
  const index = machine.permanent.nv.get(handle);
  if (index === undefined) throw new Refusal(RC.HANDLE);
  return index;
}

export function objectOf(machine: Machine, handle: number): SimulatedObject {
  const object = machine.volatile.objects.get(handle);
  if (object === undefined) throw new Refusal(RC.REFERENCE_H0);
  return object;
}

export function nvName(machine: Machine, index: SimulatedNvIndex): Uint8Array {
  return concatBytes(new ByteWriter().u16(spec.TPM_ALG_SHA256).done(), machine.crypto.sha256(encodeNvPublic(index)));
}

export function nameOfHandle(machine: Machine, handle: number): Uint8Array {
  if (isNv(handle)) return nvName(machine, nvIndexOf(machine, handle));
  if (isObject(handle)) return objectOf(machine, handle).name;
  return u32Bytes(handle);
}

/** Without trailing zeros. Empty for what has none, such as a PCR, and for what the command itself deleted. */
export function authValueOf(machine: Machine, handle: number): Uint8Array {
  const value = isNv(handle)
    ? machine.permanent.nv.get(handle)?.authValue
    : isObject(handle)
      ? machine.volatile.objects.get(handle)?.authValue
      : handle === TPM_RH_PLATFORM
        ? machine.volatile.platformAuth
        : machine.permanent.auths.get(handle);
  return stripTrailingZeros(value ?? new Uint8Array(0));
}

const NV_WRITES: ReadonlySet<CommandName> = new Set(['NV_Write', 'NV_Increment', 'NV_Extend']);

/** May the authValue of `handle` authorize this command? */
export function isAuthValueAvailable(machine: Machine, name: CommandName, handle: number): boolean {
  if (isObject(handle)) return (objectOf(machine, handle).attributes & spec.TPMA_OBJECT_USER_WITH_AUTH) !== 0;
  if (!isNv(handle)) return true;
  const needed = NV_WRITES.has(name) ? spec.TPMA_NV_AUTHWRITE : spec.TPMA_NV_AUTHREAD;
  return (nvIndexOf(machine, handle).attributes & needed) !== 0;
}

/** The policy that may authorize this command on `handle`, or undefined if none may. */
export function authPolicyOf(machine: Machine, name: CommandName, handle: number): Uint8Array | undefined {
  if (isObject(handle)) return objectOf(machine, handle).authPolicy;
  if (!isNv(handle)) return undefined;
  const { attributes, authPolicy } = nvIndexOf(machine, handle);
  const needed = NV_WRITES.has(name) ? spec.TPMA_NV_POLICYWRITE : spec.TPMA_NV_POLICYREAD;
  return authPolicy.length !== 0 && (attributes & needed) !== 0 ? authPolicy : undefined;
}
