/**
 * Points a frame at a queue head in memory that is not its own.
 *
 * Without a monitor the controller takes any bytes for its schedule.
 * Must be refused by the rule of the pool of frame pointers.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { foreign, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.frames.write32(8, (foreign(rig) | r.LINK_QUEUE) >>> 0);
    },
  });
