/**
 * Everything that a simulated TPM remembers, as plain data: what survives a power cut, and what does not.
 *
 * Actions (`simulated-*.ts`) are functions over a `Machine`; they check everything first and change state last, so a
 * refused command changes nothing. Nothing here is secret: this is a test double for the *bytes* of a TPM, in memory.
 */
import type { EccPoint, TpmCrypto } from './crypto.ts';
import { kdfa } from './crypto.ts';
import {
  IMPLEMENTATION_PCR,
  SHA256_SIZE_BYTES,
  TPM_RH_ENDORSEMENT,
  TPM_RH_NULL,
  TPM_RH_OWNER,
  TPM_RH_PLATFORM,
} from './spec.ts';

export interface SimulatedNvIndex {
  readonly index: number;
  attributes: number;
  readonly authPolicy: Uint8Array;
  readonly sizeBytes: number;
  readonly authValue: Uint8Array;
  data: Uint8Array;
}

export interface SimulatedObject {
  readonly kind: 'storage' | 'signing' | 'sealed';
  readonly hierarchy: number;
  readonly publicArea: Uint8Array;
  readonly name: Uint8Array;
  readonly qualifiedName: Uint8Array;
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  readonly authValue: Uint8Array;
  /** The private scalar of a key, or the data of a sealed object. */
  readonly secret: Uint8Array;
  readonly point: EccPoint | undefined;
}

export interface SimulatedSession {
  readonly kind: 'hmac' | 'policy' | 'trial';
  readonly sessionKey: Uint8Array;
  readonly encrypts: boolean;
  nonceTpm: Uint8Array;
  policyDigest: Uint8Array;
  /** The PCR update counter at the last PolicyPCR; 0 before the first. */
  pcrCounter: number;
}

/** Survives a power cut; changed only at the end of a command that succeeded. */
export interface PermanentState {
  seeds: Map<number, Uint8Array>;
  auths: Map<number, Uint8Array>;
  isClearDisabled: boolean;
  isLockoutAuthEnabled: boolean;
  nv: Map<number, SimulatedNvIndex>;
  /** The highest value of any written counter index that was deleted: a new counter starts above it. */
  counterFloor: bigint;
  resetCount: number;
  clockMs: bigint;
}

/** Gone at a power cut. */
export interface VolatileState {
  isStarted: boolean;
  hasFailed: boolean;
  platformAuth: Uint8Array;
  nullSeed: Uint8Array;
  pcrs: Uint8Array[];
  pcrCounter: number;
  objects: Map<number, SimulatedObject>;
  /** By slot: the low byte of the session handle. */
  sessions: Map<number, SimulatedSession>;
  /** How many random blocks were drawn since power-on. */
  drawn: number;
}

export interface Machine {
  readonly crypto: TpmCrypto;
  readonly entropy: Uint8Array;
  permanent: PermanentState;
  volatile: VolatileState;
}

export function freshPermanent(entropy: Uint8Array, crypto: TpmCrypto): PermanentState {
  const seeds = [TPM_RH_OWNER, TPM_RH_ENDORSEMENT, TPM_RH_PLATFORM].map((hierarchy): [number, Uint8Array] => [
    hierarchy,
    crypto.sha256(entropy, Uint8Array.of(hierarchy & 0xff)),
  ]);
  return {
    seeds: new Map(seeds),
    auths: new Map(),
    isClearDisabled: false,
    isLockoutAuthEnabled: true,
    nv: new Map(),
    counterFloor: 0n,
    resetCount: 0,
    clockMs: 0n,
  };
}

export function freshVolatile(): VolatileState {
  return {
    isStarted: false,
    hasFailed: false,
    platformAuth: new Uint8Array(0),
    nullSeed: new Uint8Array(SHA256_SIZE_BYTES),
    // PCRs 17 to 22 belong to a dynamic root of trust and start with all ones (PC Client profile).
    pcrs: Array.from({ length: IMPLEMENTATION_PCR }, (_, pcr) =>
      new Uint8Array(SHA256_SIZE_BYTES).fill(pcr >= 17 && pcr <= 22 ? 0xff : 0),
    ),
    pcrCounter: 0,
    objects: new Map(),
    sessions: new Map(),
    drawn: 0,
  };
}

/** Random bytes. They depend on the entropy, the power cycle and how many were drawn, so a run can be repeated. */
export function draw(machine: Machine, length: number): Uint8Array {
  machine.volatile.drawn += 1;
  const context = new Uint8Array(12);
  const view = new DataView(context.buffer);
  view.setUint32(0, machine.permanent.resetCount);
  view.setUint32(4, machine.volatile.drawn);
  view.setUint32(8, length);
  return kdfa(machine.crypto, machine.entropy, 'RANDOM', context, new Uint8Array(0), length * 8).slice();
}

export function seedOf(machine: Machine, hierarchy: number): Uint8Array {
  if (hierarchy === TPM_RH_NULL) return machine.volatile.nullSeed;
  return machine.permanent.seeds.get(hierarchy) ?? machine.volatile.nullSeed;
}

/** A copy that shares nothing with the original. Handles what states are made of, and is faster than structuredClone. */
export function copyState<State>(value: State): State {
  return copy(value) as State;
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof Map) return new Map([...value].map(([key, item]: [unknown, unknown]) => [key, copy(item)]));
  if (Array.isArray(value)) return value.map(copy);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]));
}
