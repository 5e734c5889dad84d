/**
 * The honest beginning that every rogue ES1370 driver shares: exactly what the real driver does until sound is played.
 * `rogue` brings the controller up, plays its own buffer on DAC2, and attacks (`drivers/rogue/honest-frame.ts`).
 */
import type { DeviceIo, DmaRegion, DriverEntries } from '../../../kernel/abi.ts';
import { attackWhenUp, type Attack } from '../../rogue/honest-frame.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';

export { allocateIsolated, outsideEveryGrant } from '../../rogue/foreign-memory.ts';

export const BUFFER_BYTES = 16 * 1024;
const SETTLE_US = 10_000;

/** A controller that is up, and the memory it uses. */
export interface Rig {
  readonly io: DeviceIo;
  readonly sound: DmaRegion;
  /** Every region that this driver was granted. */
  readonly regions: DmaRegion[];
}

export function rogue(io: DeviceIo, behaviour: Attack<Rig>): DriverEntries {
  const sound = io.allocate(BUFFER_BYTES, 'device-reads');
  const rig: Rig = { io, sound, regions: [sound] };
  return attackWhenUp(rig, behaviour, {
    begin() {
      setup.enableBusMaster(io);
      setup.quiesce(io, setup.dividerOf(setup.RATE_EXACT));
      setup.programCodec(io);
      return SETTLE_US;
    },
    work() {
      setup.setBits(io, r.SERIAL, r.SERIAL_P2_INT_EN);
      play(rig, sound.address, BUFFER_BYTES);
    },
    acknowledge() {
      if ((io.read32(r.BAR, r.STATUS) & r.STATUS_INTR) !== 0) setup.acknowledge(io, r.SERIAL_P2_INT_EN);
    },
  });
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
