/**
 * Plays frames of one byte up to the very end of its memory: QEMU's channel then takes up to six bytes more.
 *
 * Without a monitor that knows of it, a rule about sizes is right and bytes leak all the same.
 * Must be refused by the rule on CONTROL: a buffer of such frames needs room behind it.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { BUFFER_BYTES, allocateIsolated, play, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      setup.clearBits(io, r.CONTROL, r.CONTROL_DAC2_EN);
      setup.clearBits(io, r.SERIAL, r.SERIAL_P2_FORMAT);
      const region = allocateIsolated(rig, BUFFER_BYTES, 'device-reads');
      play(rig, region.address, BUFFER_BYTES);
    },
  });
