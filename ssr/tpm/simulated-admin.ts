/** Starting, stopping, randomness, capabilities and hierarchies of the simulated TPM (Part 3 §9, §16, §24, §30). */
import { ByteWriter, stripTrailingZeros } from './codec.ts';
import { Input, RC, Refusal, parameterNumber } from './simulated-input.ts';
import { deleteIndex, forgetAtStartup } from './simulated-nv.ts';
import { countStartup } from './simulated-pcr.ts';
import { draw } from './simulated-state.ts';
import type { Machine } from './simulated-state.ts';
import * as spec from './spec.ts';

/** Longest answer of GetRandom: the longest digest. */
const RANDOM_MAX_BYTES = spec.MAX_DIGEST_SIZE_BYTES;
/** Handles or properties in one answer of GetCapability. */
const CAPABILITIES_MAX = 254;

/** Enough of the fixed properties for a caller to see what it talks to: "REFM" made it, and it says that it is simulated. */
const PROPERTIES: readonly (readonly [number, number])[] = [
  [0x100, 0x322e3000],
  [0x101, 0],
  [0x102, 159],
  [spec.TPM_PT_MANUFACTURER, 0x5245464d],
  [0x106, 0x53494d55],
  [0x107, 0x4c415445],
  [0x108, 0x44000000],
];

function startType(input: Input): number {
  const type = input.parameter(1).u16();
  if (type !== spec.TPM_SU_CLEAR && type !== spec.TPM_SU_STATE) throw input.refuse(RC.VALUE);
  input.end();
  return type;
}

/** Startup(STATE) is refused as after a crash: volatile state is never saved here. */
export function startup(machine: Machine, _handles: readonly number[], input: Input): void {
  if (startType(input) === spec.TPM_SU_STATE) throw new Refusal(RC.VALUE + parameterNumber(1));
  machine.volatile.isStarted = true;
  machine.permanent.resetCount += 1;
  machine.volatile.nullSeed = draw(machine, spec.SHA256_SIZE_BYTES);
  countStartup(machine);
  forgetAtStartup(machine);
}

/** Shutdown(CLEAR) has nothing to save; Shutdown(STATE) is not simulated and refused. */
export function shutdown(_machine: Machine, _handles: readonly number[], input: Input): void {
  if (startType(input) === spec.TPM_SU_STATE) throw new Refusal(RC.VALUE + parameterNumber(1));
}

export function getRandom(machine: Machine, _handles: readonly number[], input: Input): Uint8Array {
  const wanted = input.parameter(1).u16();
  input.end();
  return new ByteWriter().sized(draw(machine, Math.min(wanted, RANDOM_MAX_BYTES))).done();
}

function handlesFrom(machine: Machine, input: Input, property: number): number[] {
  switch (property >>> 24) {
    case spec.TPM_HT_NV_INDEX:
      return [...machine.permanent.nv.keys()];
    case spec.TPM_HT_TRANSIENT:
      return [...machine.volatile.objects.keys()];
    default:
      throw input.parameter(2).refuse(RC.HANDLE);
  }
}

/** Handles of NV indices and loaded objects, and a few fixed properties. */
export function getCapability(machine: Machine, _handles: readonly number[], input: Input): Uint8Array {
  const capability = input.parameter(1).u32();
  if (capability !== spec.TPM_CAP_HANDLES && capability !== spec.TPM_CAP_TPM_PROPERTIES) throw input.refuse(RC.VALUE);
  const property = input.parameter(2).u32();
  const count = Math.min(input.parameter(3).u32(), CAPABILITIES_MAX);
  input.end();
  const answer = new ByteWriter();
  if (capability === spec.TPM_CAP_HANDLES) {
    const all = handlesFrom(machine, input, property).filter((handle) => handle >= property);
    const given = all.sort((a, b) => a - b).slice(0, count);
    answer
      .u8(all.length > given.length ? 1 : 0)
      .u32(capability)
      .u32(given.length);
    for (const handle of given) answer.u32(handle);
    return answer.done();
  }
  const all = PROPERTIES.filter(([number]) => number >= property);
  const given = all.slice(0, count);
  answer
    .u8(all.length > given.length ? 1 : 0)
    .u32(capability)
    .u32(given.length);
  for (const [number, value] of given) answer.u32(number).u32(value);
  return answer.done();
}

/** New seeds for owner and endorsement: every key and sealed blob of theirs is dead. Platform indices stay. */
export function clear(machine: Machine, _handles: readonly number[], input: Input): void {
  input.end();
  const { permanent } = machine;
  if (permanent.isClearDisabled) throw new Refusal(RC.DISABLED);
  for (const hierarchy of [spec.TPM_RH_OWNER, spec.TPM_RH_ENDORSEMENT]) {
    permanent.seeds.set(hierarchy, draw(machine, spec.SHA256_SIZE_BYTES));
  }
  permanent.auths.clear();
  permanent.isLockoutAuthEnabled = true;
  permanent.clockMs = 0n;
  permanent.resetCount = 0;
  // Policies over PCRs are to be evaluated again.
  machine.volatile.pcrCounter += 1;
  for (const index of [...permanent.nv.values()]) {
    if ((index.attributes & spec.TPMA_NV_PLATFORMCREATE) === 0) deleteIndex(machine, index);
  }
  for (const [handle, object] of [...machine.volatile.objects]) {
    if (object.hierarchy === spec.TPM_RH_OWNER || object.hierarchy === spec.TPM_RH_ENDORSEMENT)
      machine.volatile.objects.delete(handle);
  }
}

export function clearControl(machine: Machine, handles: readonly number[], input: Input): void {
  const [authority = 0] = handles;
  const disable = input.parameter(1).u8();
  if (disable > 1) throw input.refuse(RC.VALUE);
  input.end();
  // The lockout secret may forbid Clear; only the platform may allow it again.
  if (disable === 0 && authority === spec.TPM_RH_LOCKOUT) throw new Refusal(RC.AUTH_FAIL);
  machine.permanent.isClearDisabled = disable === 1;
}

export function hierarchyChangeAuth(machine: Machine, handles: readonly number[], input: Input): void {
  const [hierarchy = 0] = handles;
  const value = stripTrailingZeros(input.parameter(1).sized(spec.MAX_DIGEST_SIZE_BYTES)).slice();
  input.end();
  if (hierarchy === spec.TPM_RH_PLATFORM) machine.volatile.platformAuth = value;
  else machine.permanent.auths.set(hierarchy, value);
}
