/** A volume whose superblock is all but full of what directory and free map do not say: the next commits have to write both. */
import { FLIPS_MAX } from '../recent-changes.ts';
import { SimulatedDisk } from '../store/simulated-disk.ts';
import { readSuperblocks } from '../superblock.ts';
import type { Volume } from '../volume.ts';
import { BLOCK } from './crash-options.ts';

const FILLING_BLOCKS = 32;
export const FILLING_REGION = 'c';

/** Commits block after block of another region, none of which was there before, until there is no room for the changes of one more. @returns its contents */
export async function fillChanges(volume: Volume, disk: SimulatedDisk): Promise<Uint8Array> {
  const contents = new Uint8Array(FILLING_BLOCKS * BLOCK);
  await volume.transaction((transaction) => void transaction.create(FILLING_REGION, { sizeBytes: contents.length }));
  for (let offset = 0; offset < contents.length; offset += BLOCK) {
    contents.fill(2, offset, offset + BLOCK);
    const block = contents.subarray(offset, offset + BLOCK);
    await volume.transaction((transaction) => transaction.region(FILLING_REGION).write(offset, block));
    const found = readSuperblocks(new SimulatedDisk(disk.durableImage()).open()).map(({ superblock }) => superblock);
    const newest = found.reduce((best, one) => (one.version > best.version ? one : best));
    if (newest.changes.flips.length > FLIPS_MAX - 4) return contents;
  }
  throw new RangeError('the region is too small to fill a superblock with changes');
}
