/** What someone with the disk can do between two mounts: put back, mix, swap and change past sectors. */
import type { DiskImage } from '../store/simulated-disk.ts';
import { SECTOR_SIZE_BYTES } from '../store/simulated-disk.ts';
import { DATA_START_BYTES, SUPERBLOCK_PLACE_SIZE_BYTES, SUPERBLOCK_PLACES } from '../superblock.ts';

const SECTORS_PER_PLACE = SUPERBLOCK_PLACE_SIZE_BYTES / SECTOR_SIZE_BYTES;
const FIRST_DATA_SECTOR = DATA_START_BYTES / SECTOR_SIZE_BYTES;

/** A small generator of numbers that follow from its seed (mulberry32). */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function pick<Item>(items: readonly Item[], random: (below: number) => number): Item {
  const item = items[random(items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

/** Each sector from the image that `choose` names. */
function compose(images: readonly DiskImage[], choose: (sector: number) => DiskImage): DiskImage {
  const sectors = new Set(images.flatMap((image) => [...image.keys()]));
  const mixed = new Map<number, Uint8Array>();
  for (const sector of sectors) {
    const bytes = choose(sector).get(sector);
    if (bytes !== undefined) mixed.set(sector, bytes);
  }
  return mixed;
}

function flipBit(
  image: DiskImage,
  random: (below: number) => number,
  isWanted: (sector: number) => boolean,
): DiskImage {
  const sectors = [...image.keys()].filter(isWanted);
  if (sectors.length === 0) return image;
  const sector = pick(sectors, random);
  const bytes = (image.get(sector) ?? new Uint8Array(SECTOR_SIZE_BYTES)).slice();
  const at = random(SECTOR_SIZE_BYTES);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
  return new Map(image).set(sector, bytes);
}

function swapTwo(image: DiskImage, random: (below: number) => number): DiskImage {
  const data = [...image].filter(([sector]) => sector >= FIRST_DATA_SECTOR);
  if (data.length < 2) return image;
  const [a, one] = pick(data, random);
  const [b, other] = pick(data, random);
  return new Map(image).set(a, other).set(b, one);
}

/** `count` disks made of `present` and everything that was ever on the disk. Whole past disks come first, newest first. */
export function* attackedImages(
  present: DiskImage,
  past: readonly DiskImage[],
  count: number,
  seed: number,
): Generator<DiskImage> {
  const random = numbers(seed);
  const all = [...past, present];
  const whole = [...past].reverse();
  for (let n = 0; n < count; n += 1) {
    const replayed = whole[n];
    if (n < count / 2 && replayed !== undefined) {
      yield replayed;
      continue;
    }
    switch (n % 6) {
      case 0: {
        const [superblocks, data] = [pick(all, random), pick(all, random)];
        yield compose(all, (sector) => (sector < FIRST_DATA_SECTOR ? superblocks : data));
        break;
      }
      case 1: {
        const places = Array.from({ length: SUPERBLOCK_PLACES }, () => pick(all, random));
        yield compose(all, (sector) => places[Math.floor(sector / SECTORS_PER_PLACE)] ?? present);
        break;
      }
      case 2:
        yield compose(all, () => pick(all, random));
        break;
      case 3:
        yield flipBit(present, random, (sector) => sector >= FIRST_DATA_SECTOR);
        break;
      case 4:
        yield flipBit(present, random, (sector) => sector < FIRST_DATA_SECTOR);
        break;
      default:
        yield swapTwo(present, random);
    }
  }
}
