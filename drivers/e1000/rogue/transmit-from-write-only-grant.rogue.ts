/**
 * Sends from memory that it was granted for receiving only.
 *
 * Without a monitor this works. It shows that a grant is for a purpose: what the device may write it may not therefore read.
 * Must be refused by the rule on TDT: the buffer lies in memory granted for the device to read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue, sendFrame } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      sendFrame(rig, rig.rings.rxBuffers.address, 1514);
    },
  });
