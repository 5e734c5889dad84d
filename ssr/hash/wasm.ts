/**
 * SHA-256 by our own WebAssembly kernel, four messages at a time (`sha256x4.ts`): the engine for levels of small nodes.
 *
 * It lays messages out padded in the module's one page of memory, hashes them in groups of four, and copies the digests
 * to their places. Two to three times faster than `node:crypto` for leaves and nodes up to 64 bytes, and slower for
 * messages beyond some 230 bytes or fewer than four at a time: docs/adr/0011-merkle-engines.md has the numbers and
 * `fastest.ts` the choice. Not safe to use re-entrantly; JavaScript never does, as every call runs to its end.
 */
import type { HashBatch, HashEngine } from '../hash-engine.ts';
import { bodyStart, DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES, writeUint } from '../hash-engine.ts';
import { allocateInArena, arenaOf, hashInArena } from './wasm-arena.ts';
import type { Kernel } from './kernel.ts';
import { createKernel } from './kernel.ts';
import { DIGESTS_AT, MESSAGES_AT, MESSAGES_SIZE_BYTES } from './sha256x4.ts';

export const LANES = 4;
const BLOCK_SIZE_BYTES = 64;
/** Room for one piece of a long message, per lane. Messages up to this size are hashed in one call, whole groups at once. */
const LANE_SIZE_BYTES = MESSAGES_SIZE_BYTES / LANES;
/** One 0x80 byte and an eight-byte length (FIPS 180-4, section 5.1.1). */
const PADDING_MIN_SIZE_BYTES = 9;

/** Blocks of 64 bytes that SHA-256 compresses for a message. */
export function blockCount(messageSizeBytes: number): number {
  return Math.ceil((messageSizeBytes + PADDING_MIN_SIZE_BYTES) / BLOCK_SIZE_BYTES);
}

/** Writes the padding after a message of `sizeBytes` that ends at `end`, up to `paddedEnd`. */
function writePadding(bytes: Uint8Array, end: number, paddedEnd: number, sizeBytes: number): void {
  bytes.fill(0, end, paddedEnd);
  bytes[end] = 0x80;
  writeUint(bytes, paddedEnd - 8, 8, sizeBytes * 8);
}

class WasmEngine implements HashEngine {
  readonly name = 'wasm';
  readonly #kernel: Kernel;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  /** So many slots at the start of the arena are padded for messages of this size. */
  #paddedFor = -1;
  #paddedSlots = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#bytes = new Uint8Array(kernel.memory.buffer);
    this.#words = new Int32Array(kernel.memory.buffer);
  }

  hash(message: Uint8Array, out: Uint8Array, outOffset: number): void {
    if (blockCount(message.length) * BLOCK_SIZE_BYTES > LANE_SIZE_BYTES) {
      this.#hashLong([message], message.length);
    } else {
      this.#padSlots(message.length, 1);
      this.#bytes.set(message, MESSAGES_AT);
      const blocks = blockCount(message.length);
      this.#kernel.hashGroups(MESSAGES_AT, blocks * BLOCK_SIZE_BYTES, blocks, 1, DIGESTS_AT);
    }
    out.set(this.#bytes.subarray(DIGESTS_AT, DIGESTS_AT + DIGEST_SIZE_BYTES), outOffset);
  }

  allocate(sizesBytes: readonly number[]): Uint8Array[] | undefined {
    return allocateInArena(sizesBytes);
  }

  hashMany(batch: HashBatch): void {
    const arena = arenaOf(batch);
    if (arena !== undefined) {
      hashInArena(arena, batch);
      return;
    }
    const messageSizeBytes = PREFIX_SIZE_BYTES + batch.bodySizeBytes;
    if (blockCount(messageSizeBytes) * BLOCK_SIZE_BYTES > LANE_SIZE_BYTES) this.#hashManyLong(batch);
    else this.#hashManyShort(batch, messageSizeBytes);
  }

  #hashManyShort(batch: HashBatch, messageSizeBytes: number): void {
    const blocks = blockCount(messageSizeBytes);
    const slotSizeBytes = blocks * BLOCK_SIZE_BYTES;
    const groupsMax = Math.floor(MESSAGES_SIZE_BYTES / (LANES * slotSizeBytes));
    this.#padSlots(messageSizeBytes, Math.min(groupsMax * LANES, batch.count));
    for (let from = 0; from < batch.count; from += groupsMax * LANES) {
      const count = Math.min(groupsMax * LANES, batch.count - from);
      this.#layOut(batch, from, count, slotSizeBytes);
      this.#kernel.hashGroups(MESSAGES_AT, slotSizeBytes, blocks, Math.ceil(count / LANES), DIGESTS_AT);
      this.#copyDigests(batch, from, count);
    }
  }

  /** Copies prefixes and bodies of `count` messages into consecutive slots. */
  #layOut(batch: HashBatch, from: number, count: number, slotSizeBytes: number): void {
    const { source, bodySizeBytes, indices } = batch;
    const bytes = this.#bytes;
    const words = this.#words;
    bytes.set(batch.prefix.subarray(0, 8), MESSAGES_AT);
    const word0 = words[MESSAGES_AT / 4] ?? 0;
    const word1 = words[MESSAGES_AT / 4 + 1] ?? 0;
    // Word by word beats `set` for short bodies, as it makes no view; it needs aligned bodies, which tree nodes are.
    const aligned = (source.byteOffset | batch.sourceStart | batch.strideBytes | bodySizeBytes) % 4 === 0;
    const byWords = aligned && bodySizeBytes <= 256;
    const sourceWords = byWords ? wordView(source) : words;
    for (let k = 0; k < count; k += 1) {
      const slot = MESSAGES_AT + k * slotSizeBytes;
      const index = indices[from + k] ?? 0;
      const start = bodyStart(batch, from + k);
      const slotWord = slot >>> 2;
      words[slotWord] = word0;
      words[slotWord + 1] = word1;
      words[slotWord + 2] = 0;
      words[slotWord + 3] =
        (index >>> 24) | ((index >>> 8) & 0xff00) | ((index << 8) & 0xff0000) | ((index & 0xff) << 24);
      if (byWords) {
        const bodyWord = start / 4;
        const target = slotWord + PREFIX_SIZE_BYTES / 4;
        for (let w = 0; w < bodySizeBytes / 4; w += 1) words[target + w] = sourceWords[bodyWord + w] ?? 0;
      } else {
        bytes.set(source.subarray(start, start + bodySizeBytes), slot + PREFIX_SIZE_BYTES);
      }
    }
  }

  #copyDigests(batch: HashBatch, from: number, count: number): void {
    const { indices, out } = batch;
    if (out.byteOffset % 4 !== 0) {
      for (let k = 0; k < count; k += 1) {
        const digest = DIGESTS_AT + k * DIGEST_SIZE_BYTES;
        out.set(this.#bytes.subarray(digest, digest + DIGEST_SIZE_BYTES), (indices[from + k] ?? 0) * DIGEST_SIZE_BYTES);
      }
      return;
    }
    const words = this.#words;
    const outWords = wordView(out);
    for (let k = 0; k < count; k += 1) {
      const digest = DIGESTS_AT / 4 + k * 8;
      const target = (indices[from + k] ?? 0) * 8;
      for (let w = 0; w < 8; w += 1) outWords[target + w] = words[digest + w] ?? 0;
    }
  }

  #hashManyLong(batch: HashBatch): void {
    const { prefix, source, bodySizeBytes, indices, out } = batch;
    for (let from = 0; from < batch.count; from += LANES) {
      const count = Math.min(LANES, batch.count - from);
      const messages = Array.from({ length: count }, (_, lane) => {
        const message = new Uint8Array(PREFIX_SIZE_BYTES + bodySizeBytes);
        const start = bodyStart(batch, from + lane);
        message.set(prefix);
        writeUint(message, 8, 8, indices[from + lane] ?? 0);
        message.set(source.subarray(start, start + bodySizeBytes), PREFIX_SIZE_BYTES);
        return message;
      });
      this.#hashLong(messages, PREFIX_SIZE_BYTES + bodySizeBytes);
      for (let lane = 0; lane < count; lane += 1) {
        const digest = DIGESTS_AT + lane * DIGEST_SIZE_BYTES;
        const target = (indices[from + lane] ?? 0) * DIGEST_SIZE_BYTES;
        out.set(this.#bytes.subarray(digest, digest + DIGEST_SIZE_BYTES), target);
      }
    }
  }

  /** Up to four messages of one size that does not fit a lane: piece after piece through the kernel's chaining state. */
  #hashLong(messages: readonly Uint8Array[], sizeBytes: number): void {
    const paddedSizeBytes = blockCount(sizeBytes) * BLOCK_SIZE_BYTES;
    this.#paddedFor = -1;
    this.#kernel.begin();
    for (let from = 0; from < paddedSizeBytes; from += LANE_SIZE_BYTES) {
      const pieceSizeBytes = Math.min(LANE_SIZE_BYTES, paddedSizeBytes - from);
      messages.forEach((message, lane) => {
        const slot = MESSAGES_AT + lane * LANE_SIZE_BYTES;
        this.#bytes.fill(0, slot, slot + pieceSizeBytes);
        this.#bytes.set(message.subarray(from, Math.min(from + pieceSizeBytes, sizeBytes)), slot);
        if (sizeBytes >= from && sizeBytes < from + pieceSizeBytes) this.#bytes[slot + sizeBytes - from] = 0x80;
        if (from + pieceSizeBytes === paddedSizeBytes)
          writeUint(this.#bytes, slot + pieceSizeBytes - 8, 8, sizeBytes * 8);
      });
      this.#kernel.absorb(MESSAGES_AT, LANE_SIZE_BYTES, pieceSizeBytes / BLOCK_SIZE_BYTES);
    }
    this.#kernel.finish(DIGESTS_AT, DIGESTS_AT + 32, DIGESTS_AT + 64, DIGESTS_AT + 96);
  }

  /** Padding is the same for all messages of one size, so it is written only when the size changes. */
  #padSlots(sizeBytes: number, slots: number): void {
    if (this.#paddedFor !== sizeBytes) this.#paddedSlots = 0;
    this.#paddedFor = sizeBytes;
    const slotSizeBytes = blockCount(sizeBytes) * BLOCK_SIZE_BYTES;
    for (; this.#paddedSlots < slots; this.#paddedSlots += 1) {
      const slot = MESSAGES_AT + this.#paddedSlots * slotSizeBytes;
      writePadding(this.#bytes, slot + sizeBytes, slot + slotSizeBytes, sizeBytes);
    }
  }
}

/** Word views by array: a tree hands in the same few arrays again and again, and a view costs as much as hashing a node. */
const wordViews = new WeakMap<Uint8Array, Int32Array>();

/** The same memory as whole 32-bit words; it must start on one. */
function wordView(bytes: Uint8Array): Int32Array {
  const known = wordViews.get(bytes);
  if (known !== undefined) return known;
  const made = new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / 4));
  wordViews.set(bytes, made);
  return made;
}

/** A WebAssembly engine with its own memory, or undefined where the machine has no vector instructions for it. */
export function createWasmEngine(): HashEngine | undefined {
  const kernel = createKernel();
  return kernel === undefined ? undefined : new WasmEngine(kernel);
}
