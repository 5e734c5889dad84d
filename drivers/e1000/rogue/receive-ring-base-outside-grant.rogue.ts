/**
 * Points the receive ring itself at memory that is not its own, and switches the engine on.
 *
 * Without a monitor the card takes whatever lies there for buffer addresses, and writes frames and status wherever it says.
 * Must be refused by the rule on RCTL (or on the base): the whole ring lies in memory granted for commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { enableEngines } from '../driver-setup.ts';
import * as r from '../registers.ts';
import { outsideEveryGrant, programAll, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    bringUp: programAll,
    attack(rig) {
      io.write32(r.BAR_REGISTERS, r.RDBAL, outsideEveryGrant(rig));
      enableEngines(io);
      io.write32(r.BAR_REGISTERS, r.RDT, 1);
    },
  });
