/**
 * Plays memory that is not its own: DAC2's buffer lies just above everything this driver was granted.
 *
 * Without a monitor the controller reads the kernel's or another driver's memory and makes it sound.
 * Must be refused by the rule on CONTROL: a buffer that is played lies in memory granted for the device to read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { BUFFER_BYTES, outsideEveryGrant, play, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      play(rig, outsideEveryGrant(rig), BUFFER_BYTES);
    },
  });
