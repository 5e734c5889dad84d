/**
 * Runs a schedule whose frame list lies in memory that is not its own.
 *
 * Without a monitor the controller follows whatever lies there.
 * Must be refused by the check of the frame list when the schedule is run.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { foreign, rogue, RUNNING } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      io.write16(r.BAR_IO, r.USBCMD, r.CMD_CF);
      io.write32(r.BAR_IO, r.FLBASEADD, foreign(rig));
      io.write16(r.BAR_IO, r.USBCMD, RUNNING);
    },
  });
