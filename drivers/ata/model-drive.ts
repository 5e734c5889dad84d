/**
 * A modelled ATA disk, behind whatever controller: its task file, its commands and its data port (ATA/ATAPI-7 volume 1, 5.14 and 6).
 *
 * Commands are carried out within the call that gives them, but those that move data by DMA wait until their
 * controller moves it.
 * Whatever is written here, a call returns: a command moves at most 65536 sectors, and all that it touches lies on the
 * medium, whose end is checked for each command.
 */
import { identityWords } from './model-identity.ts';
import * as state from './model-state.ts';
import type { DriveState } from './model-state.ts';
import * as r from './registers.ts';

const READY = r.STATUS_DRDY | r.STATUS_DSC;
const HEADS = 16;
const SECTORS_PER_TRACK = 63;

export interface Drive {
  readonly state: DriveState;
  readonly medium: Uint8Array;
  /** How many commands it queues: 0 on a parallel cable, up to 32 on a serial one. */
  readonly queueDepth: number;
  /** It asks for an interrupt. */
  interrupted(): void;
  /** A command waits for DMA: `fields.waiting`. */
  moveByDma(): void;
}

type Field = keyof DriveState['fields'];

/** Registers of two bytes, written one after the other (48-bit addressing, 5.14). */
const PAIRS = new Map<number, readonly [now: Field, before: Field]>([
  [r.COUNT, ['count', 'countBefore']],
  [r.LBA_LOW, ['lbaLow', 'lbaLowBefore']],
  [r.LBA_MID, ['lbaMid', 'lbaMidBefore']],
  [r.LBA_HIGH, ['lbaHigh', 'lbaHighBefore']],
]);

const isWide = (command: number): boolean => [0x24, 0x25, 0x29, 0x34, 0x35, 0x39, 0x42].includes(command);

/** Power on, or the end of a reset: ready, with the signature of a disk in its registers (9.12). */
export function resetDrive({ fields }: DriveState): void {
  fields.status = READY;
  fields.error = 1;
  fields.count = 1;
  fields.lbaLow = 1;
  fields.lbaMid = 0;
  fields.lbaHigh = 0;
  fields.device = 0;
  fields.interrupting = 0;
  fields.flow = state.FLOW_NONE;
  fields.waiting = 0;
  fields.multiple = state.MULTIPLE_MAX;
}

/** Raises the interrupt, unless nIEN. */
export function interrupt(drive: Drive): void {
  const { fields } = drive.state;
  if ((fields.control & r.CONTROL_NIEN) !== 0) return;
  fields.interrupting = 1;
  drive.interrupted();
}

export function readTask(drive: Drive, register: number, width: number): number {
  const { fields } = drive.state;
  if (register === r.DATA) return readData(drive, width);
  if (width !== 1) return 0;
  // Nobody answers for the second drive but with zeros.
  const absent = (fields.device & r.DEVICE_DEV) !== 0;
  if (register === r.DEVICE) return absent ? 0 : fields.device | r.DEVICE_OBSOLETE;
  if (absent) return 0;
  if (register === r.ERROR) return fields.error;
  const pair = PAIRS.get(register);
  if (pair !== undefined) return fields[pair[(fields.control & r.CONTROL_HOB) === 0 ? 0 : 1]];
  fields.interrupting = 0;
  return fields.status;
}

export function readAlternate({ fields }: DriveState): number {
  return (fields.device & r.DEVICE_DEV) !== 0 ? 0 : fields.status;
}

export function writeControl(drive: DriveState, value: number): void {
  const { fields } = drive;
  const rises = (value & ~fields.control & r.CONTROL_SRST) !== 0;
  const falls = (~value & fields.control & r.CONTROL_SRST) !== 0;
  fields.control = value;
  if (rises) {
    fields.status = r.STATUS_BSY | r.STATUS_DSC;
    fields.flow = state.FLOW_NONE;
    fields.waiting = 0;
    fields.interrupting = 0;
  }
  if (falls) resetDrive(drive);
}

export function writeTask(drive: Drive, register: number, width: number, value: number): void {
  const { fields } = drive.state;
  if (register === r.DATA) return writeData(drive, width, value);
  if (width !== 1) return;
  const works = (fields.status & (r.STATUS_BSY | r.STATUS_DRQ)) !== 0;
  if (works) return;
  if (register !== r.COMMAND) fields.control &= ~r.CONTROL_HOB;
  const pair = PAIRS.get(register);
  if (pair !== undefined) {
    const [now, before] = pair;
    fields[before] = fields[now];
    fields[now] = value;
  } else if (register === r.FEATURES) fields.features = value;
  else if (register === r.DEVICE) fields.device = value;
  else execute(drive, value);
}

/** Gives a command, whose parameters are in the task file. */
export function execute(drive: Drive, command: number): void {
  const { fields } = drive.state;
  if ((fields.device & r.DEVICE_DEV) !== 0 && command !== r.EXECUTE_DIAGNOSTIC) return;
  fields.interrupting = 0;
  fields.error = 0;
  fields.status = READY;
  switch (command) {
    case r.IDENTIFY:
      drive.state.block.set(identityWords(drive.medium.length / r.SECTOR_BYTES, fields.multiple, drive.queueDepth));
      return offer(drive, state.FLOW_IDENTITY, r.SECTOR_BYTES, true);
    case r.READ_SECTORS:
    case 0x21:
    case r.READ_SECTORS_EXT:
      return beginPort(drive, state.FLOW_IN, 1, isWide(command));
    case r.WRITE_SECTORS:
    case 0x31:
    case r.WRITE_SECTORS_EXT:
      return beginPort(drive, state.FLOW_OUT, 1, isWide(command));
    case r.READ_MULTIPLE:
    case r.READ_MULTIPLE_EXT:
      return beginPort(drive, state.FLOW_IN, fields.multiple, isWide(command));
    case r.WRITE_MULTIPLE:
    case r.WRITE_MULTIPLE_EXT:
      return beginPort(drive, state.FLOW_OUT, fields.multiple, isWide(command));
    case r.READ_DMA:
    case 0xc9:
    case r.READ_DMA_EXT:
      return beginDma(drive, state.WAITING_TO_READ, isWide(command));
    case r.WRITE_DMA:
    case 0xcb:
    case r.WRITE_DMA_EXT:
      return beginDma(drive, state.WAITING_TO_WRITE, isWide(command));
    case r.READ_VERIFY:
    case 0x41:
    case r.READ_VERIFY_EXT:
      locate(drive, isWide(command));
      return isOnMedium(drive, drive.state.fields.sectorsLeft) ? interrupt(drive) : abort(drive);
    case r.SET_MULTIPLE:
      return setMultiple(drive);
    case r.EXECUTE_DIAGNOSTIC:
      resetDrive(drive.state);
      return interrupt(drive);
    case r.CHECK_POWER:
      fields.count = 0xff;
      return interrupt(drive);
    case r.SET_FEATURES:
      return isFeature(drive.state) ? interrupt(drive) : abort(drive);
    default:
      if (POWER.has(command)) fields.status = r.STATUS_DRDY;
      return POWER.has(command) || SIMPLE.has(command) ? interrupt(drive) : abort(drive);
  }
}

/** Commands that move nothing and change nothing that this model has. */
const SIMPLE = new Set([0x10, 0x70, r.INITIALIZE_PARAMETERS, r.FLUSH, r.FLUSH_EXT]);
/** Of the same kind; after them QEMU's drive has no heads that are settled. */
const POWER = new Set([
  0x94, 0x95, 0x96, 0x97, 0x98, 0x99, r.STANDBY_IMMEDIATE, r.IDLE_IMMEDIATE, r.STANDBY, r.IDLE, r.SLEEP,
]); // prettier-ignore
const FEATURES = new Set([0x02, 0x05, 0x42, 0x55, 0x66, 0x67, 0x69, 0x82, 0x85, 0x96, 0x9a, 0xaa, 0xc2, 0xcc]);
/** The high five bits of COUNT: PIO, single and multiword DMA, Ultra DMA (6.49.2). */
const TRANSFER_MODES = new Set([0, 1, 2, 4, 8]);

function isFeature({ fields }: DriveState): boolean {
  return fields.features === 0x03 ? TRANSFER_MODES.has(fields.count >> 3) : FEATURES.has(fields.features);
}

export function abort(drive: Drive): void {
  drive.state.fields.status = r.STATUS_DRDY | r.STATUS_ERR;
  drive.state.fields.error = r.ERROR_ABRT;
  interrupt(drive);
}

function setMultiple(drive: Drive): void {
  const { fields } = drive.state;
  const isPower = (fields.count & (fields.count - 1)) === 0;
  if (fields.count > state.MULTIPLE_MAX || !isPower) return abort(drive);
  fields.multiple = fields.count;
  interrupt(drive);
}

/** Notes where the command acts and how many sectors it moves. */
function locate({ state: { fields, sector } }: Drive, wide: boolean): void {
  fields.wide = wide ? 1 : 0;
  const count = wide ? (fields.countBefore & 0xff) * 256 + fields.count : fields.count;
  fields.sectorsLeft = count === 0 ? (wide ? 65_536 : 256) : count;
  const low = fields.lbaLow + fields.lbaMid * 2 ** 8 + fields.lbaHigh * 2 ** 16;
  const high = fields.lbaLowBefore + fields.lbaMidBefore * 2 ** 8 + fields.lbaHighBefore * 2 ** 16;
  const cylinder = fields.lbaMid + fields.lbaHigh * 2 ** 8;
  const byGeometry = (cylinder * HEADS + (fields.device & 0x0f)) * SECTORS_PER_TRACK + fields.lbaLow - 1;
  const isAddress = (fields.device & r.DEVICE_LBA) !== 0;
  sector[0] = wide
    ? low + high * 2 ** 24
    : isAddress
      ? low + (fields.device & 0x0f) * 2 ** 24
      : Math.max(0, byGeometry);
}

/** Whether so many sectors from the next one on are there. */
export function isOnMedium({ state: { sector }, medium }: Drive, sectors: number): boolean {
  return (sector[0] ?? 0) + sectors <= medium.length / r.SECTOR_BYTES;
}

/** So many sectors have moved: the registers show where the next one is, and how many are left. */
export function moveOn({ fields, sector }: DriveState, sectors: number): void {
  const next = (sector[0] ?? 0) + sectors;
  sector[0] = next;
  fields.sectorsLeft -= sectors;
  fields.count = fields.sectorsLeft & 0xff;
  const byte = (at: number): number => Math.floor(next / 2 ** (8 * at)) & 0xff;
  if (fields.wide === 0 && (fields.device & r.DEVICE_LBA) === 0) {
    const track = Math.floor(next / SECTORS_PER_TRACK);
    const cylinder = Math.floor(track / HEADS);
    fields.lbaLow = (next % SECTORS_PER_TRACK) + 1;
    fields.lbaMid = cylinder & 0xff;
    fields.lbaHigh = (cylinder >> 8) & 0xff;
    fields.device = (fields.device & 0xf0) | (track % HEADS);
    return;
  }
  [fields.lbaLow, fields.lbaMid, fields.lbaHigh] = [byte(0), byte(1), byte(2)];
  if (fields.wide === 0) fields.device = (fields.device & 0xf0) | (byte(3) & 0x0f);
  else [fields.lbaLowBefore, fields.lbaMidBefore, fields.lbaHighBefore] = [byte(3), byte(4), byte(5)];
}

function beginPort(drive: Drive, flow: number, blockSectors: number, wide: boolean): void {
  const { fields } = drive.state;
  if (blockSectors === 0) return abort(drive);
  locate(drive, wide);
  fields.blockSectors = blockSectors;
  nextBlock(drive, flow, flow === state.FLOW_IN);
}

/** Offers the next block, or is done. Where the medium ends, reading is over; what is to be written is still taken. */
function nextBlock(drive: Drive, flow: number, interrupts: boolean): void {
  const { fields, sector, block } = drive.state;
  const sectors = Math.min(fields.blockSectors, fields.sectorsLeft);
  const bytes = sectors * r.SECTOR_BYTES;
  if (flow === state.FLOW_IN && sectors > 0) {
    if (!isOnMedium(drive, sectors)) return endAt(drive);
    const at = (sector[0] ?? 0) * r.SECTOR_BYTES;
    block.set(drive.medium.subarray(at, at + bytes));
    moveOn(drive.state, sectors);
  }
  offer(drive, bytes === 0 ? state.FLOW_NONE : flow, bytes, interrupts);
}

function offer(drive: Drive, flow: number, bytes: number, interrupts: boolean): void {
  const { fields } = drive.state;
  fields.flow = flow;
  fields.position = 0;
  fields.limit = bytes;
  fields.status = READY | (flow === state.FLOW_NONE ? 0 : r.STATUS_DRQ);
  if (interrupts) interrupt(drive);
}

function readData(drive: Drive, width: number): number {
  const { fields, block } = drive.state;
  if (fields.flow !== state.FLOW_IDENTITY && fields.flow !== state.FLOW_IN) return 0;
  if (width === 1 || fields.position + width > fields.limit) return 0;
  let value = 0;
  for (let at = 0; at < width; at += 1) value += (block[fields.position + at] ?? 0) * 2 ** (8 * at);
  fields.position += width;
  if (fields.position === fields.limit) endBlock(drive);
  return value;
}

function writeData(drive: Drive, width: number, value: number): void {
  const { fields, block } = drive.state;
  if (fields.flow !== state.FLOW_OUT || width === 1 || fields.position + width > fields.limit) return;
  for (let at = 0; at < width; at += 1) block[fields.position + at] = Math.floor(value / 2 ** (8 * at)) & 0xff;
  fields.position += width;
  if (fields.position === fields.limit) endBlock(drive);
}

/** DMA has moved all sectors of the command. */
export function endDma(drive: Drive): void {
  const { fields } = drive.state;
  fields.waiting = 0;
  moveOn(drive.state, fields.sectorsLeft);
  fields.status = READY;
  interrupt(drive);
}

/** The last word of a block has moved. */
export function endBlock(drive: Drive): void {
  const { fields, sector, block } = drive.state;
  const { flow, limit } = fields;
  if (flow === state.FLOW_IDENTITY) return offer(drive, state.FLOW_NONE, 0, false);
  if (flow === state.FLOW_OUT) {
    if (!isOnMedium(drive, limit / r.SECTOR_BYTES)) return endAt(drive);
    drive.medium.set(block.subarray(0, limit), (sector[0] ?? 0) * r.SECTOR_BYTES);
    moveOn(drive.state, limit / r.SECTOR_BYTES);
  }
  nextBlock(drive, flow, flow === state.FLOW_OUT || fields.sectorsLeft > 0);
}

/** The medium ends within a block. */
function endAt(drive: Drive): void {
  drive.state.fields.flow = state.FLOW_NONE;
  abort(drive);
}

function beginDma(drive: Drive, direction: number, wide: boolean): void {
  const { fields } = drive.state;
  locate(drive, wide);
  fields.waiting = direction;
  fields.status = READY | r.STATUS_DRQ;
  drive.moveByDma();
}
