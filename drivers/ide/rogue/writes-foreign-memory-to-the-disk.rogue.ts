/**
 * Writes memory that is not its own to the disk, where it can be read at leisure.
 *
 * Must be refused by the rule on BMICOM: each region lies in memory that the device may read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { layRegion, outsideEveryGrant, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      layRegion(rig, outsideEveryGrant(rig), 512);
      startTransfer(rig, false, 1);
    },
  });
