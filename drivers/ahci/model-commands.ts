/**
 * Commands of a port of the AHCI model: from PxCI through list and table to the drive, and the data back (AHCI 1.3.1, 5.5, 5.6).
 *
 * Commands are carried out within the call that issues them, slot by slot from the lowest. One that fails stays in PxCI until
 * the port is stopped (6.2.2.1); on a port without a drive they wait for ever, as on QEMU's. What of a command's data its
 * regions do not hold, is not moved: none of it.
 */
import { abort, endBlock, endDma, execute, isOnMedium, type Drive } from '../ata/model-drive.ts';
import { FLOW_NONE, FLOW_OUT, WAITING_TO_READ } from '../ata/model-state.ts';
import * as ata from '../ata/registers.ts';
import { hasFailed, introduce, resetPort, sendPioSetup, sendRegisters, sendSetBits, type Port } from './model-link.ts';
import { regionsOf, wide, type Regions } from './model-regions.ts';
import * as r from './registers.ts';

const listOf = ({ state }: Port): number => state.clb + state.clbu * 2 ** 32;

export function runCommands(port: Port): void {
  const { state, drive } = port;
  if (drive === undefined) return;
  for (let slot = 0; slot < r.SLOTS && state.ci !== 0; slot += 1) {
    if ((state.cmd & r.PxCMD_CR) === 0 || (state.ci & (1 << slot)) === 0) continue;
    runSlot(port, drive, slot);
  }
}

/** A command on its way. */
interface Work {
  readonly header: number;
  readonly slot: number;
  readonly regions: Regions;
  readonly isWrite: boolean;
}

function runSlot(port: Port, drive: Drive, slot: number): void {
  const { memory, state } = port;
  const header = listOf(port) + slot * r.HEADER_BYTES;
  const bytes = new Uint8Array(r.HEADER_BYTES);
  memory.read(header, bytes, 0, bytes.length);
  const view = new DataView(bytes.buffer);
  const options = view.getUint32(0, true);
  const table = wide(view, r.HEADER_TABLE);
  const fis = new Uint8Array(r.TABLE_REGIONS);
  memory.read(table, fis, 0, fis.length);
  if (fis[0] !== r.FIS_HOST_TO_DEVICE || ((fis[1] ?? 0) & 0x7f) !== 0) return;
  if (((fis[1] ?? 0) & r.FIS_COMMAND) === 0) {
    // The drive does not answer: the port takes the command for done if it is told to (10.4.1).
    if ((options & r.HEADER_CLEAR_BUSY) !== 0) state.ci &= ~(1 << slot);
    return writeControl(port, fis[15] ?? 0);
  }
  const regions = regionsOf(memory, table, options >>> 16);
  const work: Work = { header, slot, regions, isWrite: (options & r.HEADER_WRITE) !== 0 };
  if (isQueued(fis[2] ?? 0)) {
    if (!hasFailed(drive)) state.ci &= ~(1 << slot);
    return runQueued(port, drive, fis, work);
  }
  setMoved(port, work, 0);
  const { fields } = drive.state;
  [fields.features, fields.lbaLow, fields.lbaMid, fields.lbaHigh, fields.device] = [fis[3], fis[4], fis[5], fis[6], fis[7]].map(Number) as [number, number, number, number, number]; // prettier-ignore
  [fields.lbaLowBefore, fields.lbaMidBefore, fields.lbaHighBefore] = [fis[8], fis[9], fis[10]].map(Number) as [number, number, number]; // prettier-ignore
  [fields.count, fields.countBefore] = [fis[12] ?? 0, fis[13] ?? 0];
  execute(drive, fis[2] ?? 0);
  moveBlocks(port, drive, work);
  if (fields.waiting !== 0) moveByDma(port, drive, work);
  if (!hasFailed(drive)) state.ci &= ~(1 << slot);
  sendRegisters(port);
}

/** The control register: SRST set and cleared again is a soft reset (9.3.9 of ATA/ATAPI-7 volume 3). */
function writeControl(port: Port, control: number): void {
  const asksReset = (control & ata.CONTROL_SRST) !== 0;
  if (asksReset) port.state.resetting = 1;
  else if (port.state.resetting === 1) {
    resetPort(port);
    introduce(port);
  }
}

function setMoved({ memory }: Port, { header }: Work, bytes: number): void {
  const word = new Uint8Array(4);
  new DataView(word.buffer).setUint32(0, bytes, true);
  memory.write(header + r.HEADER_MOVED, word, 0, word.length);
}

/** Data by PIO: block after block, each behind its own FIS. */
function moveBlocks(port: Port, drive: Drive, work: Work): void {
  const { fields, block } = drive.state;
  let moved = 0;
  for (let isFirst = true; fields.flow !== FLOW_NONE; isFirst = false) {
    const size = fields.limit;
    const interrupts = fields.flow !== FLOW_OUT || !isFirst;
    sendPioSetup(port, size, interrupts);
    work.regions.move(work.isWrite ? 'from memory' : 'to memory', block, 0, size);
    moved += size;
    setMoved(port, work, moved);
    if (interrupts) port.state.is |= r.PxIS_PSS;
    endBlock(drive);
  }
}

function moveByDma(port: Port, drive: Drive, work: Work): void {
  const { fields, sector } = drive.state;
  const bytes = fields.sectorsLeft * ata.SECTOR_BYTES;
  const direction = fields.waiting === WAITING_TO_READ ? 'to memory' : 'from memory';
  if (!isOnMedium(drive, fields.sectorsLeft)) {
    fields.waiting = 0;
    return abort(drive);
  }
  if (work.regions.total < bytes) {
    fields.waiting = 0;
    fields.status = ata.STATUS_DRDY | ata.STATUS_DSC;
    return;
  }
  work.regions.move(direction, drive.medium, (sector[0] ?? 0) * ata.SECTOR_BYTES, bytes);
  setMoved(port, work, bytes);
  endDma(drive);
}

// --- Queued commands (Serial ATA 3.2, 13.6) ---------------------------------------------------------------------------

function isQueued(command: number): boolean {
  return [r.READ_QUEUED, r.WRITE_QUEUED, r.QUEUE_CONTROL, r.SEND_QUEUED, r.RECEIVE_QUEUED].includes(command);
}

function runQueued(port: Port, drive: Drive, fis: Uint8Array, work: Work): void {
  sendRegisters(port, false);
  const byte = (at: number): number => fis[at] ?? 0;
  const { fields } = drive.state;
  const tag = byte(12) >> 3;
  const sectors = byte(3) + byte(11) * 256 || 65_536;
  const bytes = sectors * ata.SECTOR_BYTES;
  const low = byte(4) + byte(5) * 2 ** 8 + byte(6) * 2 ** 16;
  const sector = low + byte(8) * 2 ** 24 + byte(9) * 2 ** 32 + byte(10) * 2 ** 40;
  const isKnown = byte(2) === r.READ_QUEUED || byte(2) === r.WRITE_QUEUED;
  const fits = work.regions.total >= bytes;
  const isThere = sector + sectors <= drive.medium.length / ata.SECTOR_BYTES;
  if (!fits || !isKnown || !isThere) {
    fields.error = ata.ERROR_ABRT;
    fields.status = ata.STATUS_DRDY | ata.STATUS_ERR;
    if (!fits) port.state.is |= r.PxIS_OFS;
    else if (isKnown) sendSetBits(port, drive, 0);
    return;
  }
  const direction = byte(2) === r.READ_QUEUED ? 'to memory' : 'from memory';
  work.regions.move(direction, drive.medium, sector * ata.SECTOR_BYTES, bytes);
  fields.status = ata.STATUS_DRDY | ata.STATUS_DSC;
  sendSetBits(port, drive, (1 << tag) >>> 0);
}
