/**
 * Stops the schedule and rewrites an active descriptor at once, while the controller may still be at it.
 *
 * Without the rule the controller may act on half of the old descriptor and half of the new one.
 * Must be refused by the rule that an active descriptor is the controller's for a frame more.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { execute, rogue, RUNNING } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      // A controller that was quicker has cleared ACTIVE, and a thread that lost its processor here comes a frame later: neither
      // is a crime, so it is tried some times.
      for (let attempt = 0; attempt < 10; attempt += 1) {
        execute(rig, r.PID_IN, rig.buffer.address, 64);
        io.write16(r.BAR_IO, r.USBCMD, r.CMD_CF);
        rig.descriptors.write32(4, 0);
        io.write16(r.BAR_IO, r.USBCMD, RUNNING);
      }
    },
  });
