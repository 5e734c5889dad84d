/**
 * What the superblock says itself because the directory and the free map do not say it yet.
 *
 * A commit of a few blocks changes the root of a region and a few bits of the free map. To seal a block of either tree for that would
 * double what the commit writes, so such changes lie in the superblock, from commit to commit, until they are too many; the
 * commit that finds them so writes both trees and begins anew with none.
 * Invariant: the state is what the trees say, with these changes applied; a superblock has both, and one digest covers both.
 * They are not encrypted: they tell which places of the disk the last commits wrote, as does watching it, and no name and no contents.
 *
 * Layout: number of roots (1), each of slot (2), height (1), entry (48), blocks sealed under the region's key (8); number of
 * flips (1), each an address (6).
 */
import type { RegionRecord } from './directory.ts';
import { ENTRY_SIZE_BYTES } from './entry.ts';
import type { ByteReader, ByteWriter } from './tpm/codec.ts';

/** A superblock has room for as many of both, and for the sealed keys. */
export const RECENT_ROOTS_MAX = 3;
export const FLIPS_MAX = 32;

/** What is new of a region whose record is otherwise as the directory has it. */
export type RecentRoot = Pick<RegionRecord, 'slot' | 'root' | 'sealedBlocks'>;

export interface RecentChanges {
  readonly roots: readonly RecentRoot[];
  /** Addresses of blocks that are in use where the free map says free, and the other way round. */
  readonly flips: readonly number[];
}

export const NO_CHANGES: RecentChanges = { roots: [], flips: [] };

/** Turns one bit, in place. @returns false if there are then more flips than a superblock takes */
export function flip(flips: number[], address: number): boolean {
  const at = flips.indexOf(address);
  if (at < 0) flips.push(address);
  else flips.splice(at, 1);
  return flips.length <= FLIPS_MAX;
}

/** The newest root of one more region, or a newer one. @returns undefined if there are then more than a superblock takes */
export function withRoot(roots: readonly RecentRoot[], { slot, root, sealedBlocks }: RecentRoot) {
  const rest = roots.filter((other) => other.slot !== slot);
  rest.push({ slot, root, sealedBlocks });
  return rest.length > RECENT_ROOTS_MAX ? undefined : rest;
}

export function writeChanges(writer: ByteWriter, { roots, flips }: RecentChanges): void {
  writer.u8(roots.length);
  for (const { slot, root, sealedBlocks } of roots) {
    writer.u16(slot).u8(root.height).bytes(root.entry).u64Of(sealedBlocks);
  }
  writer.u8(flips.length);
  for (const address of flips) writer.u16(Math.floor(address / 2 ** 32)).u32(address % 2 ** 32);
}

/** Alleged: whether it can be is for the superblock's reader to say. */
export function readChanges(reader: ByteReader): RecentChanges {
  const readRoot = (): RecentRoot => ({
    slot: reader.u16(),
    root: { height: reader.u8(), entry: reader.take(ENTRY_SIZE_BYTES) },
    sealedBlocks: Number(reader.u64()),
  });
  const roots = Array.from({ length: reader.u8() }, readRoot);
  const flips = Array.from({ length: reader.u8() }, () => reader.u16() * 2 ** 32 + reader.u32());
  return { roots, flips };
}
