/**
 * What the anchor's slots say: the dual-slot content digest, as bytes and as a judgement. Pure; no TPM here.
 *
 * A slot is 48 bytes: version (2), flags (2), epoch (8), SHA-256 of the superblock (32), CRC-32 of all before (4), big-endian.
 * Epoch e lives in slot e mod R, so the slot that is written next always holds the *oldest* epoch, and R slots hold
 * R consecutive epochs. The rules, each of which has a mutant in the tests that shows what happens without it:
 *
 * - only the highest valid epoch counts; there is no falling back to an older slot;
 * - a slot that fails its CRC is a torn write only if it is the slot due next; anywhere else the anchor is destroyed;
 * - a slot that is missing or was never written destroys the anchor: else the owner of the TPM could delete the newest
 *   slot and have the older one believed.
 *
 * Nexus (SOSP'11) kept two registers and wrote both in each commit; binding an epoch to the digest saves one NV write.
 */
import { ByteReader, ByteWriter, concatBytes, u32Bytes } from './tpm/codec.ts';

export const SLOT_SIZE_BYTES = 48;
export const DIGEST_SIZE_BYTES = 32;
export const SLOT_COUNT_MIN = 2;
export const SLOT_COUNT_MAX = 64;
const SLOT_VERSION = 0x5231;
/** Set in the slots that `format` fills with epochs that never had a superblock. */
const FLAG_FILLER = 1;
/** Beyond this an epoch would not be an exact number. A TPM wears out long before. */
export const EPOCH_MAX = 2 ** 52;

export interface AnchorPlace {
  /** Slot i is NV index `firstIndex + i`. */
  readonly firstIndex: number;
  readonly slotCount: number;
}

/** The state that the anchor vouches for. */
export interface AnchorPoint {
  readonly epoch: number;
  /** SHA-256 of the superblock of that epoch. */
  readonly digest: Uint8Array;
}

/** The verified contents of the slots, or why there is nothing to verify. */
export type AnchorReading =
  | { readonly kind: 'valid'; readonly point: AnchorPoint; readonly tornSlot: number | undefined }
  | { readonly kind: 'destroyed'; readonly reason: string };

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 of IEEE 802.3. It finds torn writes; against attackers there is the TPM. */
export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ (CRC_TABLE[(value ^ byte) & 0xff] ?? 0);
  return (value ^ 0xffffffff) >>> 0;
}

function encode(point: AnchorPoint, flags: number): Uint8Array {
  const body = new ByteWriter().u16(SLOT_VERSION).u16(flags).u64(BigInt(point.epoch)).bytes(point.digest).done();
  return concatBytes(body, u32Bytes(crc32(body)));
}

export function encodeSlot(point: AnchorPoint): Uint8Array {
  return encode(point, 0);
}

/**
 * What `format` writes, oldest first: `point` in its slot, and in the others the epochs before it, which match no
 * superblock. `point.epoch` is at least the number of slots.
 */
export function formatSlots(slotCount: number, point: AnchorPoint): { slot: number; bytes: Uint8Array }[] {
  return Array.from({ length: slotCount }, (_, index) => {
    const epoch = point.epoch - slotCount + 1 + index;
    const filler = { epoch, digest: new Uint8Array(DIGEST_SIZE_BYTES) };
    const bytes = epoch === point.epoch ? encodeSlot(point) : encode(filler, FLAG_FILLER);
    return { slot: slotOf(epoch, slotCount), bytes };
  });
}

export function slotOf(epoch: number, slotCount: number): number {
  return epoch % slotCount;
}

/** The slot's contents, or undefined if the CRC is wrong. */
function decodeSlot(bytes: Uint8Array): { point: AnchorPoint; version: number; flags: number } | undefined {
  if (bytes.length !== SLOT_SIZE_BYTES) return undefined;
  const reader = new ByteReader(bytes);
  const version = reader.u16();
  const flags = reader.u16();
  const epoch = Number(reader.u64());
  const digest = reader.take(DIGEST_SIZE_BYTES);
  if (reader.u32() !== crc32(bytes.subarray(0, SLOT_SIZE_BYTES - 4))) return undefined;
  return { point: { epoch, digest }, version, flags };
}

/** Judges what was read from all slots, in order of slot. `undefined`: the slot is missing or was never written. */
export function judgeSlots(slots: readonly (Uint8Array | undefined)[]): AnchorReading {
  const destroyed = (reason: string): AnchorReading => ({ kind: 'destroyed', reason });
  let highest: AnchorPoint | undefined;
  let highestFlags = 0;
  const epochs = new Map<number, number>();
  const torn: number[] = [];
  for (const [slot, bytes] of slots.entries()) {
    if (bytes === undefined) return destroyed(`slot ${slot} is missing or was never written`);
    const decoded = decodeSlot(bytes);
    if (decoded === undefined) {
      torn.push(slot);
      continue;
    }
    const { point, version, flags } = decoded;
    if (version !== SLOT_VERSION) return destroyed(`slot ${slot} has version 0x${version.toString(16)}`);
    if (point.epoch > EPOCH_MAX || slotOf(point.epoch, slots.length) !== slot) {
      return destroyed(`slot ${slot} holds epoch ${point.epoch}, which does not belong there`);
    }
    epochs.set(slot, point.epoch);
    if (highest === undefined || point.epoch > highest.epoch) {
      highest = point;
      highestFlags = flags;
    }
  }
  if (highest === undefined) return destroyed('no slot has a valid checksum');
  if (highestFlags !== 0) return destroyed('it was never completely written');
  const due = slotOf(highest.epoch + 1, slots.length);
  for (const slot of torn) {
    if (slot !== due) return destroyed(`slot ${slot} is damaged, but only slot ${due} could be torn by a power cut`);
  }
  for (const [slot, epoch] of epochs) {
    if (highest.epoch - epoch >= slots.length) return destroyed(`slot ${slot} holds epoch ${epoch}, which is too old`);
  }
  return { kind: 'valid', point: highest, tornSlot: torn[0] };
}
