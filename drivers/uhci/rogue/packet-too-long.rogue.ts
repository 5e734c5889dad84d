/**
 * Asks for a packet of 1281 bytes, longer than a frame can carry.
 *
 * The controller stops for good (a host controller process error), and every other device with it.
 * Must be refused by the rule on lengths.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { execute, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      execute(rig, r.PID_IN, rig.buffer.address, r.PACKET_MAX + 1);
    },
  });
