/** What a modelled disk says of itself: the 256 words of IDENTIFY DEVICE (ATA/ATAPI-7 volume 1, 6.17). */
import { MULTIPLE_MAX } from './model-state.ts';
import * as r from './registers.ts';

const HEADS = 16;
const SECTORS_PER_TRACK = 63;
const CYLINDERS_MAX = 16_383;
const LBA28_MAX = r.LBA28_SECTORS - 1;

/** Words that are the same for every medium: ATA-4 to ATA-7, DMA and LBA, 48-bit addresses, flush. */
const FIXED: readonly (readonly [word: number, value: number])[] = [
  [0, 0x0040],
  [3, HEADS],
  [4, SECTORS_PER_TRACK * r.SECTOR_BYTES],
  [5, r.SECTOR_BYTES],
  [6, SECTORS_PER_TRACK],
  [20, 3],
  [21, 512],
  [22, 4],
  [r.ID_MULTIPLE_MAX, 0x8000 | MULTIPLE_MAX],
  [48, 1],
  [r.ID_CAPABILITIES, r.ID_CAPABILITIES_DMA | r.ID_CAPABILITIES_LBA | r.ID_CAPABILITIES_IORDY],
  [51, 0x0200],
  [52, 0x0200],
  [53, 7],
  [55, HEADS],
  [56, SECTORS_PER_TRACK],
  [62, 0x0007],
  [63, 0x0007],
  [64, 0x0003],
  [65, 120],
  [66, 120],
  [67, 120],
  [68, 120],
  [80, 0x00f0],
  [81, 0x0016],
  [82, 0x4020],
  [r.ID_COMMAND_SETS, 0x7400],
  [84, 0x4000],
  [85, 0x4020],
  [86, 0x3400],
  [87, 0x4000],
  [88, 0x203f],
  [93, 0x6001],
  [106, 0x6000],
];

export function identityWords(sectors: number, multiple: number, queueDepth: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(r.SECTOR_BYTES));
  const put = (word: number, value: number): void => view.setUint16(2 * word, value, true);
  for (const [word, value] of FIXED) put(word, value);
  const cylinders = Math.min(CYLINDERS_MAX, Math.floor(sectors / (HEADS * SECTORS_PER_TRACK)));
  const byGeometry = cylinders * HEADS * SECTORS_PER_TRACK;
  for (const word of [1, 54]) put(word, cylinders);
  put(57, byGeometry & 0xffff);
  put(58, byGeometry >>> 16);
  put(r.ID_MULTIPLE, multiple === 0 ? 0 : 0x0100 | multiple);
  const short = Math.min(sectors, LBA28_MAX);
  for (let half = 0; half < 2; half += 1) put(r.ID_SECTORS_28 + half, Math.floor(short / 2 ** (16 * half)) & 0xffff);
  for (let part = 0; part < 4; part += 1) put(r.ID_SECTORS_48 + part, Math.floor(sectors / 2 ** (16 * part)) % 2 ** 16);
  if (queueDepth > 0) {
    put(r.ID_QUEUE_DEPTH, queueDepth - 1);
    put(r.ID_SATA, r.ID_SATA_NCQ);
  }
  putText(view, 10, 'MODEL1', 20);
  putText(view, 23, '1', 8);
  putText(view, 27, 'REFMON DISK', 40);
  return new Uint8Array(view.buffer);
}

/** ASCII, padded with spaces, two characters a word with the first in its high half. */
function putText(view: DataView, word: number, text: string, characters: number): void {
  for (let index = 0; index < characters; index += 1)
    view.setUint8(2 * word + (index ^ 1), index < text.length ? text.charCodeAt(index) : 0x20);
}
