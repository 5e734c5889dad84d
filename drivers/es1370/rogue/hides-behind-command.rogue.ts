/**
 * Switches the controller's ports off while a channel plays, then attacks: who resets it now finds nobody there.
 *
 * Without a reset that thinks of it the channel goes on with memory that has been given to another.
 * Must be refused by the rule on the address; and the reset must reach the device all the same.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      io.write32(r.BAR, r.MEM_PAGE, r.PAGE_DAC);
      io.write16(io.CONFIG, r.PCI_COMMAND, r.PCI_COMMAND_MASTER);
      io.write32(r.BAR, r.ADDRESS_B, outsideEveryGrant(rig));
    },
  });
