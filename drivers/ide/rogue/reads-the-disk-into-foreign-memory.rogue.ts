/**
 * Has the disk written over memory that is not its own, by one region of its table.
 *
 * Without a monitor a sector of the attacker's choice lands anywhere in the machine.
 * Must be refused by the rule on BMICOM: each region lies in memory that the device may write.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { layRegion, outsideEveryGrant, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      layRegion(rig, outsideEveryGrant(rig), 512);
      startTransfer(rig, true, 1);
    },
  });
