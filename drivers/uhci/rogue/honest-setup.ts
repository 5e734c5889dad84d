/**
 * The honest beginning that every rogue UHCI driver shares: a schedule in its pools, a buffer, a controller that runs.
 * `rogue` runs an empty schedule for a while, and attacks while it runs (`drivers/rogue/honest-frame.ts`).
 */
import type { DeviceIo, DmaRegion, DriverEntries } from '../../../kernel/abi.ts';
import { enableBusMaster, PORTS } from '../../class/bus-master.ts';
import { attackOnce, type Attack } from '../../rogue/honest-frame.ts';
import { outsideEveryGrant } from '../../rogue/foreign-memory.ts';
import * as r from '../registers.ts';

export const BUFFER_BYTES = 256;
const RESET_US = 12_000;
const RUNNING_US = 5000;

/** A running controller, and the memory it uses. */
export interface Rig {
  readonly io: DeviceIo;
  readonly frames: DmaRegion;
  readonly queues: DmaRegion;
  readonly descriptors: DmaRegion;
  /** The controller may read and write it. */
  readonly buffer: DmaRegion;
}

export interface Rogue extends Attack<Rig> {
  /** In place of running: for attacks on that order itself. */
  run?(rig: Rig): void;
}

export function rogue(io: DeviceIo, behaviour: Rogue): DriverEntries {
  const rig: Rig = {
    io,
    frames: io.allocate(r.FRAMES * 4, 'commands', 'frame'),
    queues: io.allocate(2 * r.QUEUE_HEAD_BYTES, 'commands', 'qh'),
    descriptors: io.allocate(4 * r.DESCRIPTOR_BYTES, 'commands', 'td'),
    buffer: io.allocate(BUFFER_BYTES, 'device-reads-writes'),
  };
  let phase: 'resetting' | 'running' | 'over' = 'resetting';
  return {
    init() {
      enableBusMaster(io, PORTS);
      io.write16(r.BAR_IO, r.USBCMD, r.CMD_HCRESET);
      io.setTimer(RESET_US);
    },
    timer() {
      if (phase === 'resetting') {
        phase = 'running';
        (behaviour.run ?? run)(rig);
        io.setTimer(RUNNING_US);
      } else if (phase === 'running') {
        phase = 'over';
        attackOnce(rig, behaviour);
      }
    },
    interrupt() {
      if (behaviour.interrupt === undefined) acknowledge(io);
      else behaviour.interrupt(rig);
    },
  };
}

export function acknowledge(io: DeviceIo): void {
  const status = io.read16(r.BAR_IO, r.USBSTS);
  io.write16(r.BAR_IO, r.USBSTS, status & r.STS_ALL);
}

/** All frames begin with the first queue head; it is empty until `execute`. */
export function run({ io, frames, queues }: Rig): void {
  const link = (queues.address | r.LINK_QUEUE) >>> 0;
  frames.copyIn(0, new Uint8Array(new Uint32Array(r.FRAMES).fill(link).buffer));
  io.write32(r.BAR_IO, r.FLBASEADD, frames.address);
  io.write16(r.BAR_IO, r.USBINTR, r.INTR_ALL);
  io.write16(r.BAR_IO, r.USBCMD, RUNNING);
}

export const RUNNING = r.CMD_RS | r.CMD_CF | r.CMD_MAXP;

/** Lays the first descriptor as an honest driver would if the memory were its own, ACTIVE last, to a device that is not there. */
export function execute({ descriptors, queues }: Rig, pid: number, buffer: number, bytes: number): void {
  const length = ((bytes - 1) & r.LENGTH_NONE) << r.TOKEN_LENGTH_SHIFT;
  descriptors.write32(8, (pid | (99 << r.TOKEN_ADDRESS_SHIFT) | length) >>> 0);
  descriptors.write32(12, buffer);
  descriptors.write32(4, r.TD_ACTIVE);
  queues.write32(4, descriptors.address);
}

/** A page that none of this driver's regions touches: above all of them, where other memory of the machine is. */
export const foreign = ({ frames, queues, descriptors, buffer }: Rig): number =>
  outsideEveryGrant({ regions: [frames, queues, descriptors, buffer] });

/** The same, with one try and an interrupt at its end. */
export function executeOnce({ descriptors, queues, buffer }: Rig): void {
  descriptors.write32(8, (r.PID_IN | (99 << r.TOKEN_ADDRESS_SHIFT) | (7 << r.TOKEN_LENGTH_SHIFT)) >>> 0);
  descriptors.write32(12, buffer.address);
  descriptors.write32(4, (r.TD_ACTIVE | r.TD_IOC | (1 << r.TD_ERRORS_SHIFT)) >>> 0);
  queues.write32(4, descriptors.address);
}
