/**
 * The VDIR tree: which regions there are and the root of each, under one anchor.
 *
 * Nexus gave every region a virtual TPM register (VDIR) and kept all of them under one real one; here the registers are
 * records of 256 bytes in a copy-on-write tree of its own, so any number of regions costs one NV write per commit.
 * Record: used (1), mode (1), key generation (2), tree height (1), name length (1), name (up to 100), region id (16), size in
 * bytes (8), root entry (48), blocks sealed under the key (8).
 */
import { ID_SIZE_BYTES } from './block-cipher.ts';
import { ENTRY_SIZE_BYTES } from './entry.ts';
import type { TreeRoot } from './entry.ts';
import { SsrError } from './errors.ts';
import { readUint, writeUint } from './hash-engine.ts';

export const RECORD_SIZE_BYTES = 256;
export const NAME_SIZE_MAX_BYTES = 100;
/** All records are read when a volume is opened. */
export const REGIONS_MAX = 1024;
export const REGION_SIZE_MAX_BYTES = 2 ** 46;
export const KEY_GENERATION_MAX = 0xffff;

/** `integrity-only`: intact and fresh, but readable by whoever has the disk. */
export type RegionMode = 'encrypted' | 'integrity-only';

export interface RegionRecord {
  readonly name: string;
  readonly slot: number;
  readonly id: Uint8Array;
  readonly mode: RegionMode;
  readonly keyGeneration: number;
  readonly sizeBytes: number;
  readonly root: TreeRoot;
  readonly sealedBlocks: number;
}

const utf8 = new TextEncoder();

/** @throws RangeError unless this can be a region's name */
export function checkRegionName(name: string): void {
  if (typeof name !== 'string') throw new TypeError('name must be a string');
  const bytes = utf8.encode(name);
  if (bytes.length < 1 || bytes.length > NAME_SIZE_MAX_BYTES) {
    throw new RangeError(`name must be 1 to ${NAME_SIZE_MAX_BYTES} bytes of UTF-8, not ${bytes.length}`);
  }
  if (/[\u0000-\u001f\u007f]/.test(name) || new TextDecoder().decode(bytes) !== name) {
    throw new RangeError('name must be well-formed text without control characters');
  }
}

export function checkRegionSize(sizeBytes: number): void {
  if (!Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > REGION_SIZE_MAX_BYTES) {
    throw new RangeError(`sizeBytes must be an integer from 0 to 2^46, not ${sizeBytes}`);
  }
}

const NAME_AT = 6;
const ID_AT = NAME_AT + NAME_SIZE_MAX_BYTES;
const SIZE_AT = ID_AT + ID_SIZE_BYTES;
const ROOT_AT = SIZE_AT + 8;
const SEALED_AT = ROOT_AT + ENTRY_SIZE_BYTES;

/** Writes a record, whose name was checked when the region was created, or clears its slot. */
export function writeRecord(block: Uint8Array, offset: number, record: RegionRecord | undefined): void {
  block.fill(0, offset, offset + RECORD_SIZE_BYTES);
  if (record === undefined) return;
  const name = utf8.encode(record.name);
  block[offset] = 1;
  block[offset + 1] = record.mode === 'encrypted' ? 0 : 1;
  writeUint(block, offset + 2, 2, record.keyGeneration);
  block[offset + 4] = record.root.height;
  block[offset + 5] = name.length;
  block.set(name, offset + NAME_AT);
  block.set(record.id, offset + ID_AT);
  writeUint(block, offset + SIZE_AT, 8, record.sizeBytes);
  block.set(record.root.entry, offset + ROOT_AT);
  writeUint(block, offset + SEALED_AT, 8, record.sealedBlocks);
}

/** The record in a verified block, or undefined for a free slot. */
export function readRecord(block: Uint8Array, offset: number, slot: number): RegionRecord | undefined {
  if (block[offset] !== 1) return undefined;
  const nameLength = block[offset + 5] ?? 0;
  return {
    slot,
    mode: block[offset + 1] === 0 ? 'encrypted' : 'integrity-only',
    keyGeneration: readUint(block, offset + 2, 2),
    name: new TextDecoder().decode(block.subarray(offset + NAME_AT, offset + NAME_AT + nameLength)),
    id: block.slice(offset + ID_AT, offset + ID_AT + ID_SIZE_BYTES),
    sizeBytes: readUint(block, offset + SIZE_AT, 8),
    root: { height: block[offset + 4] ?? 0, entry: block.slice(offset + ROOT_AT, offset + ROOT_AT + ENTRY_SIZE_BYTES) },
    sealedBlocks: readUint(block, offset + SEALED_AT, 8),
  };
}

export function noRegion(name: string): SsrError {
  return new SsrError('SSR_NO_REGION', `there is no region \`${name}\``, { help: 'list the regions, or create it' });
}
