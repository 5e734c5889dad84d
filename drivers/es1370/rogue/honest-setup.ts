/**
 * The honest beginning that every rogue ES1370 driver shares: exactly what the real driver does until sound is played.
 *
 * `rogue` brings the controller up, plays its own buffer on DAC2, says `honest`, attacks, and says `attacked` if it still can.
 */
import type { DeviceIo, DmaRegion, DriverEntries } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';

export { allocateIsolated, outsideEveryGrant } from '../../rogue/foreign-memory.ts';

export const BUFFER_BYTES = 16 * 1024;

/** A controller that is up, and the memory it uses. */
export interface Rig {
  readonly io: DeviceIo;
  readonly sound: DmaRegion;
  /** Every region that this driver was granted. */
  readonly regions: DmaRegion[];
}

export interface Rogue {
  /** The single attack, while sound is played. */
  attack(rig: Rig): void;
  /** Default: acknowledges, as an honest driver must. */
  interrupt?(rig: Rig): void;
  /** A timer that the attack itself set. */
  timer?(rig: Rig): void;
}

export function rogue(io: DeviceIo, behaviour: Rogue): DriverEntries {
  const sound = io.allocate(BUFFER_BYTES, 'device-reads');
  const rig: Rig = { io, sound, regions: [sound] };
  let isUp = false;
  return {
    init() {
      setup.enableBusMaster(io);
      setup.quiesce(io, setup.dividerOf(setup.RATE_EXACT));
      setup.programCodec(io);
      io.setTimer(10_000);
    },
    timer() {
      if (isUp) {
        behaviour.timer?.(rig);
        return;
      }
      isUp = true;
      setup.setBits(io, r.SERIAL, r.SERIAL_P2_INT_EN);
      play(rig, sound.address, BUFFER_BYTES);
      io.send({ kind: 'honest' });
      behaviour.attack(rig);
      io.send({ kind: 'attacked' });
    },
    interrupt() {
      if (behaviour.interrupt !== undefined) behaviour.interrupt(rig);
      else if ((io.read32(r.BAR, r.STATUS) & r.STATUS_INTR) !== 0) setup.acknowledge(io, r.SERIAL_P2_INT_EN);
    },
  };
}

/** Plays a buffer on DAC2, as an honest driver would if the memory were its own. */
export function play({ io }: Rig, address: number, sizeBytes: number): void {
  setup.clearBits(io, r.CONTROL, r.CONTROL_DAC2_EN);
  setup.programBuffer(io, setup.DAC2, address, sizeBytes);
  setup.setBits(io, r.CONTROL, r.CONTROL_DAC2_EN);
}

/** Records into a buffer, as an honest driver would if the memory were its own. */
export function record({ io }: Rig, address: number, sizeBytes: number): void {
  setup.programBuffer(io, setup.ADC, address, sizeBytes);
  setup.setBits(io, r.CONTROL, r.CONTROL_ADC_EN);
}
