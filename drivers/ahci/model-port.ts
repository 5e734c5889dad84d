/**
 * A port of the AHCI model: its registers, and its way from PxCI to the drive and back (AHCI 1.3.1, 3.3, 5.3 to 5.6).
 *
 * Commands are carried out within the call that issues them, slot by slot from the lowest. One that fails stays in PxCI until
 * the port is stopped (6.2.2.1); on a port without a drive they wait for ever, as on QEMU's. What of a command's data its regions do not hold, is not moved: none of it.
 */
import { abort, endBlock, endDma, execute, isOnMedium, resetDrive, type Drive } from '../ata/model-drive.ts';
import { FLOW_NONE, FLOW_OUT, WAITING_TO_READ } from '../ata/model-state.ts';
import * as ata from '../ata/registers.ts';
import type { DmaMemory } from '../backing/model/dma-memory.ts';
import { regionsOf, wide, type Regions } from './model-regions.ts';
import type { PortState } from './model-state.ts';
import * as r from './registers.ts';

/** Bits of PxCMD that a driver cannot write: what the port is doing, and what it can do. */
const CMD_READ_ONLY = 0x007d_ffe0;
const CMD_ICC = 0xf000_0000;
const IE_WRITABLE = 0xfdc0_00ff;
/** Status and signature while nobody is heard of. */
const TFD_NOBODY = 0x7f;
const SIG_NOBODY = 0xffff_ffff;
/** A drive that has just been reset is neither ready nor busy until it is asked something. */
const STATUS_AFTER_RESET = 0x30;
const SSTS_GEN1 = 0x113;
/** The status and error that a FIS shows without BSY and DRQ. */
const SET_BITS_STATUS = 0x77;

/** Everything that a port works with. */
export interface Port {
  readonly state: PortState;
  readonly memory: DmaMemory;
  /** Behind this port, if there is one. */
  readonly drive: Drive | undefined;
  /** Whether PCI lets the controller master the bus. */
  isMaster(): boolean;
}

/** After power on, a reset of the controller, or of the link. */
export function resetPort({ state, drive }: Port): void {
  state.tfd = TFD_NOBODY;
  state.sig = SIG_NOBODY;
  state.serr = 0;
  state.sact = 0;
  state.ci = 0;
  state.introduced = 0;
  state.resetting = 0;
  if (drive === undefined) return;
  const { fields } = drive.state;
  resetDrive(drive.state);
  fields.status = STATUS_AFTER_RESET;
  fields.control = 0;
  fields.device = ata.DEVICE_OBSOLETE;
  fields.countBefore = fields.lbaLowBefore = fields.lbaMidBefore = fields.lbaHighBefore = 0;
}

/** And what a reset of the controller does besides. */
export function resetPortOfController(port: Port): void {
  const { state } = port;
  state.is = 0;
  state.ie = 0;
  state.sctl = 0;
  state.cmd = r.PxCMD_SUD | r.PxCMD_POD;
  resetPort(port);
}

export function readPort({ state, drive }: Port, register: number): number {
  switch (register) {
    case r.PxCLB:
      return state.clb;
    case r.PxCLBU:
      return state.clbu;
    case r.PxFB:
      return state.fb;
    case r.PxFBU:
      return state.fbu;
    case r.PxIS:
      return state.is;
    case r.PxIE:
      return state.ie;
    case r.PxCMD:
      return state.cmd;
    case r.PxTFD:
      return state.tfd;
    case r.PxSIG:
      return state.sig;
    case r.PxSSTS:
      return drive === undefined ? 0 : SSTS_GEN1;
    case r.PxSCTL:
      return state.sctl;
    case r.PxSERR:
      return state.serr;
    case r.PxSACT:
      return state.sact;
    case r.PxCI:
      return state.ci;
    default:
      return 0;
  }
}

export function writePort(port: Port, register: number, value: number): void {
  const { state } = port;
  switch (register) {
    case r.PxCLB:
      state.clb = value;
      break;
    case r.PxCLBU:
      state.clbu = value;
      break;
    case r.PxFB:
      state.fb = value;
      break;
    case r.PxFBU:
      state.fbu = value;
      break;
    case r.PxIS:
      state.is &= ~value;
      break;
    case r.PxIE:
      state.ie = value & IE_WRITABLE;
      break;
    case r.PxCMD:
      writeCommand(port, value);
      break;
    case r.PxSCTL:
      if ((state.sctl & r.PxSCTL_DET) === 1 && (value & r.PxSCTL_DET) === 0) {
        resetPort(port);
        introduce(port);
      }
      state.sctl = value;
      break;
    case r.PxSERR:
      state.serr &= ~value;
      break;
    case r.PxSACT:
      state.sact |= value;
      break;
    case r.PxCI:
      state.ci |= value;
      runCommands(port);
      break;
    default:
  }
}

function writeCommand(port: Port, value: number): void {
  const { state } = port;
  if ((state.cmd & ~value & r.PxCMD_ST) !== 0) {
    state.ci = 0;
    state.sact = 0;
  }
  state.cmd = (state.cmd & CMD_READ_ONLY) | (value & ~(CMD_READ_ONLY | CMD_ICC));
  for (const [wanted, runs] of [
    [r.PxCMD_ST, r.PxCMD_CR],
    [r.PxCMD_FRE, r.PxCMD_FR],
  ] as const) {
    if (!port.isMaster()) state.cmd &= ~wanted;
    if ((state.cmd & wanted) === 0) state.cmd &= ~runs;
    else state.cmd |= runs;
  }
  introduce(port);
  runCommands(port);
}

/** The first FIS after a reset: who is there (5.2.2). Once, as soon as it is listened to. */
function introduce(port: Port): void {
  const { state, drive } = port;
  if (state.introduced === 1 || (state.cmd & r.PxCMD_FR) === 0) return;
  sendRegisters(port);
  state.introduced = 1;
  const fields = drive?.state.fields;
  state.sig =
    fields === undefined ? 0 : (fields.lbaHigh << 24) | (fields.lbaMid << 16) | (fields.lbaLow << 8) | fields.count;
}

const listOf = ({ state }: Port): number => state.clb + state.clbu * 2 ** 32;

function receive({ state, memory }: Port, at: number, fis: Uint8Array): boolean {
  if ((state.cmd & r.PxCMD_FR) === 0) return false;
  memory.write(state.fb + state.fbu * 2 ** 32 + at, fis, 0, fis.length);
  return true;
}

/** The registers of the drive as both kinds of FIS show them. */
function registersOf({ drive }: Port, kind: number, flags: number): Uint8Array {
  const fis = new Uint8Array(r.FIS_BYTES);
  const fields = drive?.state.fields;
  if (fields === undefined) fis.set([kind, flags]);
  else
    fis.set([
      kind, flags, fields.status, fields.error, fields.lbaLow, fields.lbaMid, fields.lbaHigh, fields.device,
      fields.lbaLowBefore, fields.lbaMidBefore, fields.lbaHighBefore, 0, fields.count, fields.countBefore,
    ]); // prettier-ignore
  return fis;
}

function showStatus({ state, drive }: Port): void {
  const fields = drive?.state.fields;
  state.tfd = fields === undefined ? 0 : (fields.error << 8) | fields.status;
}

const hasFailed = (drive: Drive | undefined): boolean =>
  drive !== undefined && (drive.state.fields.status & ata.STATUS_ERR) !== 0;

/** A register FIS: the end of a command, or without an interrupt, that it was queued. */
function sendRegisters(port: Port, interrupts = true): void {
  const { state, drive } = port;
  if (!receive(port, r.RECEIVE_REGISTER, registersOf(port, r.FIS_DEVICE_TO_HOST, interrupts ? 0x40 : 0))) return;
  showStatus(port);
  if (hasFailed(drive)) state.is |= r.PxIS_TFES;
  if (interrupts) state.is |= r.PxIS_DHRS;
}

/** A PIO setup FIS, before each block of data that is not moved by DMA. */
function sendPioSetup(port: Port, bytes: number, interrupts: boolean): void {
  const fis = registersOf(port, r.FIS_PIO_SETUP, interrupts ? 0x40 : 0);
  fis[15] = fis[2] ?? 0;
  fis[16] = bytes & 0xff;
  fis[17] = bytes >> 8;
  if (receive(port, r.RECEIVE_PIO_SETUP, fis)) showStatus(port);
}

function sendSetBits(port: Port, drive: Drive, finished: number): void {
  const { fields } = drive.state;
  const status = fields.status & SET_BITS_STATUS;
  const fis = new Uint8Array(8);
  fis.set([r.FIS_SET_BITS, 0x40, status, fields.error]);
  new DataView(fis.buffer).setUint32(4, finished, true);
  if (!receive(port, r.RECEIVE_SET_BITS, fis)) return;
  port.state.tfd = (fields.error << 8) | status | (port.state.tfd & ~SET_BITS_STATUS & 0xff);
  port.state.sact &= ~finished;
  port.state.is |= hasFailed(drive) ? r.PxIS_TFES : r.PxIS_SDBS;
}

// --- Commands ---------------------------------------------------------------------------------------------------------

function runCommands(port: Port): void {
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
