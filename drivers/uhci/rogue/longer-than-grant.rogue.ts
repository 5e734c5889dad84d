/**
 * Describes a packet that fits, and makes it longer than its memory in a store of its own before it is active.
 *
 * Without a monitor that judges whole structures each store looks innocent.
 * Must be refused by the check of the whole descriptor as the last store leaves it.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { BUFFER_BYTES, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const { descriptors, buffer } = rig;
      descriptors.write32(12, buffer.address + BUFFER_BYTES - 8);
      descriptors.write32(8, (r.PID_IN | (7 << r.TOKEN_LENGTH_SHIFT)) >>> 0);
      descriptors.write32(8, (r.PID_IN | (63 << r.TOKEN_LENGTH_SHIFT)) >>> 0);
      descriptors.write32(4, r.TD_ACTIVE);
    },
  });
