/**
 * The link between a port of the AHCI model and its drive: its reset, and the frames (FIS) by which the drive answers (AHCI
 * 1.3.1, 3.3.8, 3.3.9, 4.2.1, 5.3).
 *
 * A frame lands in the port's receive area in memory, and only if the port listens (PxCMD.FR) do the registers follow it.
 * What a command does is `model-commands.ts`.
 */
import { resetDrive, type Drive } from '../ata/model-drive.ts';
import * as ata from '../ata/registers.ts';
import type { DmaMemory } from '../backing/model/dma-memory.ts';
import type { PortState } from './model-state.ts';
import * as r from './registers.ts';

/** Status and signature while nobody is heard of. */
const TFD_NOBODY = 0x7f;
const SIG_NOBODY = 0xffff_ffff;
/** A drive that has just been reset is neither ready nor busy until it is asked something. */
const STATUS_AFTER_RESET = 0x30;
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

/** The first FIS after a reset: who is there (5.2.2). Once, as soon as it is listened to. */
export function introduce(port: Port): void {
  const { state, drive } = port;
  if (state.introduced === 1 || (state.cmd & r.PxCMD_FR) === 0) return;
  sendRegisters(port);
  state.introduced = 1;
  const fields = drive?.state.fields;
  state.sig =
    fields === undefined ? 0 : (fields.lbaHigh << 24) | (fields.lbaMid << 16) | (fields.lbaLow << 8) | fields.count;
}

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

export const hasFailed = (drive: Drive | undefined): boolean =>
  drive !== undefined && (drive.state.fields.status & ata.STATUS_ERR) !== 0;

/** A register FIS: the end of a command, or without an interrupt, that it was queued. */
export function sendRegisters(port: Port, interrupts = true): void {
  const { state, drive } = port;
  if (!receive(port, r.RECEIVE_REGISTER, registersOf(port, r.FIS_DEVICE_TO_HOST, interrupts ? 0x40 : 0))) return;
  showStatus(port);
  if (hasFailed(drive)) state.is |= r.PxIS_TFES;
  if (interrupts) state.is |= r.PxIS_DHRS;
}

/** A PIO setup FIS, before each block of data that is not moved by DMA. */
export function sendPioSetup(port: Port, bytes: number, interrupts: boolean): void {
  const fis = registersOf(port, r.FIS_PIO_SETUP, interrupts ? 0x40 : 0);
  fis[15] = fis[2] ?? 0;
  fis[16] = bytes & 0xff;
  fis[17] = bytes >> 8;
  if (receive(port, r.RECEIVE_PIO_SETUP, fis)) showStatus(port);
}

export function sendSetBits(port: Port, drive: Drive, finished: number): void {
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
