/**
 * Stops the schedule and rewrites an active descriptor at once, while the controller may still be at it.
 *
 * Without the rule the controller may act on half of the old descriptor and half of the new one.
 * Must be refused by the rule that an active descriptor is the controller's for a frame more.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { execute, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      execute(rig, r.PID_IN, rig.buffer.address, 64);
      io.write16(r.BAR_IO, r.USBCMD, r.CMD_CF);
      rig.descriptors.write32(4, 0);
    },
  });
