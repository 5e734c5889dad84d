/** What a disk says of itself when a driver asks, reduced to what drivers need (ATA/ATAPI-7 volume 1, 6.17). */
import * as r from './registers.ts';

export interface Identity {
  readonly sectors: number;
  /** It has 48-bit addresses. */
  readonly wide: boolean;
  readonly hasDma: boolean;
  readonly canFlush: boolean;
  /** How many commands it queues; 0 if it does not. */
  readonly queueDepth: number;
}

/** What 256 words of IDENTIFY DEVICE say; undefined for a drive that has no sectors that this driver could reach. */
export function identityOf(words: Uint8Array): Identity | undefined {
  const view = new DataView(words.buffer, words.byteOffset);
  const word = (index: number): number => view.getUint16(2 * index, true);
  const wide = (word(r.ID_COMMAND_SETS) & r.ID_COMMAND_SETS_LBA48) !== 0;
  const short = word(r.ID_SECTORS_28) + word(r.ID_SECTORS_28 + 1) * 2 ** 16;
  const long = word(r.ID_SECTORS_48) + word(r.ID_SECTORS_48 + 1) * 2 ** 16 + word(r.ID_SECTORS_48 + 2) * 2 ** 32;
  const sectors = wide ? long : short;
  if (sectors === 0) return undefined;
  const canFlush = (word(r.ID_COMMAND_SETS) & r.ID_COMMAND_SETS_FLUSH) !== 0;
  const hasDma = (word(r.ID_CAPABILITIES) & r.ID_CAPABILITIES_DMA) !== 0;
  const queues = word(r.ID_SATA) !== 0xffff && (word(r.ID_SATA) & r.ID_SATA_NCQ) !== 0;
  return { sectors, wide, hasDma, canFlush, queueDepth: queues ? (word(r.ID_QUEUE_DEPTH) & 0x1f) + 1 : 0 };
}
