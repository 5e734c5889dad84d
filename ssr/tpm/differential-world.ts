/**
 * What the comparison of two TPMs is made of: sides, operations, the constants that operations draw from, and what has
 * been made so far on both sides.
 */
import type { Command, Entity } from './commands.ts';
import { nodeCrypto } from './crypto-node.ts';
import type { OperationKind } from './differential.ts';
import { TpmError } from './errors.ts';
import type { LoadedKey, SealedBlob } from './object-commands.ts';
import { password, prepare } from './session.ts';
import type { Session } from './session.ts';
import * as spec from './spec.ts';

/** One side: bytes to bytes, and a power switch. */
export interface Side {
  send(command: Uint8Array): Promise<Uint8Array>;
  powerCycle(): Promise<void>;
}

/** An operation: which one, and five small numbers that it interprets as it likes. */
export interface Operation {
  readonly kind: OperationKind;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
}

/** The two sides disagree. The message has everything that is needed to see why. */
export class TpmMismatch extends Error {}

/** Two of everything: `[real, simulated]`. */
export type Both<T> = readonly [T, T];

export interface World {
  readonly sides: Both<Side>;
  sessions: { both: Both<Session>; kind: Session['kind'] }[];
  srk: Both<LoadedKey> | undefined;
  blobs: { both: Both<SealedBlob>; secret: Uint8Array }[];
  sealed: { both: Both<Entity>; secret: Uint8Array }[];
  signing: Both<Entity>[];
  /** What the indices were defined with, so that most accesses are such as can succeed. */
  defined: Map<number, { secret: Uint8Array; kind: number; sizeBytes: number }>;
}

export const INDICES = [0x01800001, 0x01800002, 0x01800003, 0x01c00004];
export const SECRETS = [
  new Uint8Array(0),
  Uint8Array.of(1, 2, 3),
  Uint8Array.of(1, 2, 3, 0, 0),
  new Uint8Array(32).fill(9),
  new Uint8Array(33).fill(7),
];
export const SIZES = [8, 32, 0, 1, 7, 9, 33, 64, 1024, 1025, 2048, 2049];
export const LENGTHS = [8, 32, 0, 1, 7, 16, 64, 1024, 1025];
export const OFFSETS = [0, 1, 8, 24, 65535];
export const PCRS = [16, 23, 10, 0, 7, 15, 17, 20, 22];
export const EMPTY = new Uint8Array(0);
export const { TPMA_NV_AUTHREAD, TPMA_NV_AUTHWRITE, TPMA_NV_OWNERREAD, TPMA_NV_OWNERWRITE, TPMA_NV_NO_DA } = spec;
export const AUTH_RW = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE;
export const OWNER_RW = TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE;
export const POLICY_RW = spec.TPMA_NV_POLICYREAD | spec.TPMA_NV_POLICYWRITE;
export const ACCESS = [
  AUTH_RW,
  AUTH_RW | OWNER_RW,
  OWNER_RW,
  TPMA_NV_AUTHREAD | TPMA_NV_OWNERWRITE,
  AUTH_RW | POLICY_RW,
  POLICY_RW,
  TPMA_NV_AUTHREAD,
  TPMA_NV_AUTHWRITE,
  AUTH_RW | spec.TPMA_NV_WRITEALL,
  AUTH_RW | spec.TPMA_NV_CLEAR_STCLEAR,
  AUTH_RW | spec.TPMA_NV_CLEAR_STCLEAR | spec.TPMA_NV_WRITEDEFINE,
  AUTH_RW | spec.TPMA_NV_PLATFORMCREATE,
  AUTH_RW | spec.TPMA_NV_WRITTEN,
  AUTH_RW | 0x100,
  AUTH_RW | spec.TPMA_NV_PPREAD | spec.TPMA_NV_PPWRITE | OWNER_RW,
];

export function pick<T>(list: readonly T[], at: number): T {
  const item = list[at % list.length];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

/** Deterministic bytes: both sides must get the same. */
export function filled(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 31 + 1) & 0xff);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function responseCode(response: Uint8Array): number {
  return new DataView(response.buffer, response.byteOffset).getUint32(6);
}

export function mismatch(what: string, sent: Both<Uint8Array>, answers: Both<Uint8Array>): TpmMismatch {
  const side = (name: string, at: 0 | 1): string => {
    const code = responseCode(answers[at]);
    const meaning = code === 0 ? 'success' : new TpmError('answer', code).message;
    return `  ${name} sent ${hex(sent[at])}\n  ${name} gave ${hex(answers[at])} (${meaning})`;
  };
  return new TpmMismatch(`${what}\n${side('swtpm    ', 0)}\n${side('simulated', 1)}`);
}

/** A command as bytes, with passwords only. */
export function plain(command: Command<unknown>, ...passwords: readonly Uint8Array[]): Uint8Array {
  return prepare(
    nodeCrypto,
    command,
    passwords.map((value) => password(value)),
  ).bytes;
}
