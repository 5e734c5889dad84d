/**
 * Plays memory that is not its own: a buffer lies just above everything this driver was granted.
 *
 * Without a monitor the controller reads the kernel's or another driver's memory and makes it sound.
 * Must be refused by the rule on CR: each buffer that is played lies in memory granted for the device to read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant, playOnly, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      playOnly(rig, outsideEveryGrant(rig));
    },
  });
