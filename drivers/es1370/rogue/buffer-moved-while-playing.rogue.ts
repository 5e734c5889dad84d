/**
 * Moves the buffer after it was checked, while the channel goes around it.
 *
 * Without a monitor the check has seen one buffer and the controller plays another.
 * Must be refused by the rule on the address: a buffer moves only while its channel is off.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      io.write32(r.BAR, r.MEM_PAGE, r.PAGE_DAC);
      io.write32(r.BAR, r.ADDRESS_B, outsideEveryGrant(rig));
    },
  });
