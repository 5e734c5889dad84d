/**
 * The superblock: the root of everything on the disk, 1024 bytes, whose SHA-256 the anchor holds.
 *
 * Four copies have a place each, 4 KiB apart. Places 0 and 1 take anchored superblocks by parity of the epoch, so the one
 * that counts is never overwritten by its successor. Places 2 and 3 take tentative ones (`durable-not-fresh`), by parity
 * of the version, so that the one before survives a torn write.
 * It carries the sealed keys too: what is needed to check a superblock comes with it, and changes with it atomically.
 * The HMAC tells a genuine superblock from rubbish before the anchor is consulted. It says nothing about freshness.
 */
import type { AnchorPlace } from './anchor-slots.ts';
import { DIGEST_SIZE_BYTES, EPOCH_MAX, SLOT_COUNT_MAX, SLOT_COUNT_MIN } from './anchor-slots.ts';
import { ID_SIZE_BYTES } from './block-cipher.ts';
import { ENTRY_SIZE_BYTES } from './entry.ts';
import type { TreeRoot } from './entry.ts';
import { hmacSha256Of, sha256Of } from './hash/hmac.ts';
import { FLIPS_MAX, readChanges, RECENT_ROOTS_MAX, writeChanges } from './recent-changes.ts';
import type { RecentChanges } from './recent-changes.ts';
import type { Store } from './store/store.ts';
import { ByteReader, ByteWriter, equalBytes } from './tpm/codec.ts';
import type { SealedBlob } from './tpm/object-commands.ts';

export const SUPERBLOCK_SIZE_BYTES = 1024;
/** One superblock in each; data begins after the last. */
export const SUPERBLOCK_PLACE_SIZE_BYTES = 4096;
export const SUPERBLOCK_PLACES = 4;
export const DATA_START_BYTES = SUPERBLOCK_PLACES * SUPERBLOCK_PLACE_SIZE_BYTES;

export const BLOCK_SIZE_MIN_BYTES = 512;
export const BLOCK_SIZE_MAX_BYTES = 65_536;
export const ARITY_MIN = 2;
const MAGIC = 0x52464d53;
const FORMAT_VERSION = 2;
const HMAC_SIZE_BYTES = 32;
const WRAPPED_KEYS_SIZE_BYTES = 92;
const TREE_HEIGHT_MAX = 48;
/** Private and public part together: so much is left beside as many recent changes as there may be. swtpm makes 268. */
const SEALED_KEYS_SIZE_MAX_BYTES = 308;
const HASH_DOMAIN = Uint8Array.of(0x02);
const NO_WRAPPED_KEYS = new Uint8Array(WRAPPED_KEYS_SIZE_BYTES);

export interface TokenState {
  readonly tokens: number;
  /** Milliseconds since 1970 at which `tokens` was right. */
  readonly atMs: number;
}

export interface Superblock {
  readonly isTentative: boolean;
  /** Of the state this is, or, if tentative, would become. */
  readonly epoch: number;
  /** Number of the last transaction in it; rises with every superblock. */
  readonly version: number;
  readonly volumeId: Uint8Array;
  readonly blockSizeBytes: number;
  readonly arity: number;
  readonly capacityBlocks: number;
  readonly allowsNotFresh: boolean;
  readonly directory: TreeRoot;
  /** Slots for regions in the directory, used or not. */
  readonly directorySlots: number;
  readonly freeMap: TreeRoot;
  /** What those two trees do not say yet. */
  readonly changes: RecentChanges;
  /** Blocks sealed with the volume's own key. */
  readonly sealedBlocks: number;
  /** Digest of the superblock that the anchor vouched for when this one was made. */
  readonly previousDigest: Uint8Array;
  readonly anchor: AnchorPlace;
  readonly pcrs: readonly number[];
  readonly sealedKeys: SealedBlob;
  /** The keys under the recovery key, if there is one. */
  readonly wrappedKeys: Uint8Array | undefined;
  readonly tokens: TokenState;
}

export function superblockOffset(superblock: Pick<Superblock, 'isTentative' | 'epoch' | 'version'>): number {
  const place = superblock.isTentative ? 2 + (superblock.version % 2) : superblock.epoch % 2;
  return place * SUPERBLOCK_PLACE_SIZE_BYTES;
}

function hmac(key: Uint8Array, body: Uint8Array): Uint8Array {
  return hmacSha256Of(key, HASH_DOMAIN, body);
}

export function superblockDigest(bytes: Uint8Array): Uint8Array {
  return sha256Of(HASH_DOMAIN, bytes);
}

function pcrBits(pcrs: readonly number[]): number {
  return pcrs.reduce((bits, pcr) => bits | (1 << pcr), 0);
}

/** @returns 1024 bytes, HMAC at the end. @throws RangeError if a field does not fit */
export function encodeSuperblock(superblock: Superblock, macKey: Uint8Array): Uint8Array {
  const s = superblock;
  const keysSizeBytes = s.sealedKeys.private.length + s.sealedKeys.public.length;
  if (keysSizeBytes > SEALED_KEYS_SIZE_MAX_BYTES) {
    throw new RangeError(`a superblock has ${SEALED_KEYS_SIZE_MAX_BYTES} bytes for sealed keys, not ${keysSizeBytes}`);
  }
  const flags = (s.isTentative ? 1 : 0) | (s.allowsNotFresh ? 2 : 0) | (s.wrappedKeys === undefined ? 0 : 4);
  const writer = new ByteWriter(SUPERBLOCK_SIZE_BYTES).u32(MAGIC).u16(FORMAT_VERSION).u16(flags).bytes(s.volumeId);
  writer.u64Of(s.epoch).u64Of(s.version);
  writer.u32(s.blockSizeBytes).u16(s.arity).u64Of(s.capacityBlocks);
  writer.u8(s.directory.height).bytes(s.directory.entry).u32(s.directorySlots);
  writer.u8(s.freeMap.height).bytes(s.freeMap.entry);
  writer.u64Of(s.sealedBlocks).bytes(s.previousDigest);
  writer.u32(s.anchor.firstIndex).u8(s.anchor.slotCount).u32(pcrBits(s.pcrs));
  writer.u32(Math.floor(s.tokens.tokens)).u64Of(Math.floor(s.tokens.atMs));
  writer.bytes(s.wrappedKeys ?? NO_WRAPPED_KEYS);
  writeChanges(writer, s.changes);
  writer.sized(s.sealedKeys.private).sized(s.sealedKeys.public);
  const end = SUPERBLOCK_SIZE_BYTES - HMAC_SIZE_BYTES;
  if (writer.length > end) throw new RangeError(`a superblock has ${end} bytes for its fields, not ${writer.length}`);
  const bytes = writer.padded(SUPERBLOCK_SIZE_BYTES);
  bytes.set(hmac(macKey, bytes.subarray(0, end)), end);
  return bytes;
}

/** What someone wrote in place of a superblock. Nothing in it is believed until `isGenuine`. */
export interface AllegedSuperblock {
  readonly superblock: Superblock;
  readonly bytes: Uint8Array;
}

/** True if the superblock was made by someone who has the key. */
export function isGenuine(alleged: AllegedSuperblock, macKey: Uint8Array): boolean {
  const end = SUPERBLOCK_SIZE_BYTES - HMAC_SIZE_BYTES;
  return equalBytes(hmac(macKey, alleged.bytes.subarray(0, end)), alleged.bytes.subarray(end));
}

/** Parses within limits; undefined for anything that cannot be a superblock. */
export function parseSuperblock(bytes: Uint8Array): AllegedSuperblock | undefined {
  if (bytes.length !== SUPERBLOCK_SIZE_BYTES) return undefined;
  try {
    const superblock = readFields(new ByteReader(bytes));
    return isPossible(superblock) ? { superblock, bytes } : undefined;
  } catch {
    // The reader throws where the fields end early.
    return undefined;
  }
}

function readFields(reader: ByteReader): Superblock | undefined {
  if (reader.u32() !== MAGIC || reader.u16() !== FORMAT_VERSION) return undefined;
  const flags = reader.u16();
  const volumeId = reader.take(ID_SIZE_BYTES);
  const epoch = Number(reader.u64());
  const version = Number(reader.u64());
  const blockSizeBytes = reader.u32();
  const arity = reader.u16();
  const capacityBlocks = Number(reader.u64());
  const root = (): TreeRoot => ({ height: reader.u8(), entry: reader.take(ENTRY_SIZE_BYTES) });
  const directory = root();
  const directorySlots = reader.u32();
  const freeMap = root();
  const sealedBlocks = Number(reader.u64());
  const previousDigest = reader.take(DIGEST_SIZE_BYTES);
  const anchor = { firstIndex: reader.u32(), slotCount: reader.u8() };
  const bits = reader.u32();
  const tokens = { tokens: reader.u32(), atMs: Number(reader.u64()) };
  const wrapped = reader.take(WRAPPED_KEYS_SIZE_BYTES);
  const changes = readChanges(reader);
  return {
    isTentative: (flags & 1) !== 0,
    allowsNotFresh: (flags & 2) !== 0,
    wrappedKeys: (flags & 4) !== 0 ? wrapped : undefined,
    volumeId,
    epoch,
    version,
    blockSizeBytes,
    arity,
    capacityBlocks,
    directory,
    directorySlots,
    freeMap,
    changes,
    sealedBlocks,
    previousDigest,
    anchor,
    pcrs: Array.from({ length: 24 }, (_, pcr) => pcr).filter((pcr) => (bits & (1 << pcr)) !== 0),
    tokens,
    sealedKeys: { private: reader.sized(), public: reader.sized() },
  };
}

function isPossible(superblock: Superblock | undefined): superblock is Superblock {
  if (superblock === undefined) return false;
  const { blockSizeBytes, arity, epoch, version, anchor, directory, freeMap, capacityBlocks, changes } = superblock;
  return (
    blockSizeBytes >= BLOCK_SIZE_MIN_BYTES &&
    blockSizeBytes <= BLOCK_SIZE_MAX_BYTES &&
    (blockSizeBytes & (blockSizeBytes - 1)) === 0 &&
    arity >= ARITY_MIN &&
    arity * ENTRY_SIZE_BYTES <= blockSizeBytes &&
    epoch <= EPOCH_MAX &&
    version <= EPOCH_MAX &&
    capacityBlocks <= EPOCH_MAX &&
    anchor.slotCount >= SLOT_COUNT_MIN &&
    anchor.slotCount <= SLOT_COUNT_MAX &&
    directory.height <= TREE_HEIGHT_MAX &&
    freeMap.height <= TREE_HEIGHT_MAX &&
    changes.roots.length <= RECENT_ROOTS_MAX &&
    changes.roots.every(({ root }) => root.height <= TREE_HEIGHT_MAX) &&
    changes.flips.length <= FLIPS_MAX &&
    changes.flips.every((address) => address < capacityBlocks)
  );
}

/** All superblocks that could be ones, in order of place. */
export function readSuperblocks(store: Store): AllegedSuperblock[] {
  const found: AllegedSuperblock[] = [];
  for (let place = 0; place < SUPERBLOCK_PLACES; place += 1) {
    const bytes = new Uint8Array(SUPERBLOCK_SIZE_BYTES);
    if (store.read(place * SUPERBLOCK_PLACE_SIZE_BYTES, bytes) < bytes.length) continue;
    const alleged = parseSuperblock(bytes);
    if (alleged !== undefined && superblockOffset(alleged.superblock) === place * SUPERBLOCK_PLACE_SIZE_BYTES) {
      found.push(alleged);
    }
  }
  return found;
}
