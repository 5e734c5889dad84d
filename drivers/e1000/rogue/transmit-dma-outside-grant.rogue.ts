/**
 * Sends memory that is not its own: a transmit descriptor points just above everything this driver was granted.
 *
 * Without a monitor the card reads the kernel's or another driver's memory and puts it on the wire.
 * Must be refused by the rule on TDT: each new descriptor's buffer lies in memory granted for the device to read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant, rogue, sendFrame } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      sendFrame(rig, outsideEveryGrant(rig), 1514);
    },
  });
