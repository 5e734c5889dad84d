/**
 * Lets the bus master fetch its table of regions from memory that is not its own, whose owner then decides.
 *
 * Must be refused by the walk on BMICOM: each entry lies in memory granted for commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.io.write32(r.BAR_MASTER, r.BMIDTP, outsideEveryGrant(rig));
      setup.startMaster(rig.io, true);
    },
  });
