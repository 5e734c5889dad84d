/**
 * Links a queue head to another in memory that is not its own.
 *
 * Without a monitor the controller takes any bytes for its schedule, and writes to them.
 * Must be refused by the rule of the pool of queue heads.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { foreign, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.queues.write32(0, (foreign(rig) | r.LINK_QUEUE) >>> 0);
    },
  });
