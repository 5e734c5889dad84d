/**
 * The bus master of the IDE model (Bus Master IDE, 1.2 and 2): moves sectors between the medium and the regions of a table.
 *
 * Like QEMU's it takes the direction from the drive's command and not from its own direction bit, which is what makes a
 * wrong one dangerous. A table has at most 8192 entries: its 64 KiB. What is missing of a table that is too short leaves the
 * drive waiting, as on the real part.
 */
import { abort, endDma, isOnMedium, type Drive } from '../ata/model-drive.ts';
import { WAITING_TO_READ } from '../ata/model-state.ts';
import type { DmaMemory } from '../backing/model/dma-memory.ts';
import type { IdeState } from './model-state.ts';
import * as r from './registers.ts';

const ENTRIES_MAX = 8192;

/** Runs if it is started, a command waits for it, and PCI lets it master the bus. */
export function runMaster(ide: IdeState, drive: Drive, memory: DmaMemory): void {
  const { fields: master, config } = ide;
  const { state, medium } = drive;
  const { fields, sector } = state;
  const isStarted = (master.masterCommand & r.BMICOM_START) !== 0;
  const isMaster = ((config[r.PCI_COMMAND] ?? 0) & r.PCI_COMMAND_MASTER) !== 0;
  if (!isStarted || !isMaster || fields.waiting === 0) return;
  if (!isOnMedium(drive, fields.sectorsLeft)) {
    fields.waiting = 0;
    master.masterStatus &= ~r.BMISTA_ACTIVE;
    return abort(drive);
  }
  const entry = new DataView(new ArrayBuffer(r.REGION_SIZE_BYTES));
  const entryBytes = new Uint8Array(entry.buffer);
  let at = (sector[0] ?? 0) * r.SECTOR_BYTES;
  let left = fields.sectorsLeft * r.SECTOR_BYTES;
  let isLast = false;
  for (let index = 0; left > 0 && !isLast && index < ENTRIES_MAX; index += 1) {
    memory.read(master.table + index * r.REGION_SIZE_BYTES, entryBytes, 0, r.REGION_SIZE_BYTES);
    const base = (entry.getUint32(0, true) & ~1) >>> 0;
    const word = entry.getUint32(4, true);
    const size = word & 0xfffe || r.REGION_BYTES_MAX;
    const run = Math.min(size, left);
    if (fields.waiting === WAITING_TO_READ) memory.write(base, medium, at, run);
    else memory.read(base, medium, at, run);
    at += run;
    left -= run;
    isLast = word >= r.REGION_LAST;
  }
  if (isLast) master.masterStatus &= ~r.BMISTA_ACTIVE;
  if (left === 0) endDma(drive);
}
