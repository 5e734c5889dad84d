/**
 * Runs the schedule after a reset, before it says where the frame list is.
 *
 * Without a monitor the controller begins at address 0.
 * Must be refused by the rule that the frame list is programmed first.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue, RUNNING } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write16(r.BAR_IO, r.USBCMD, r.CMD_HCRESET);
      io.write16(r.BAR_IO, r.USBCMD, RUNNING);
    },
  });
