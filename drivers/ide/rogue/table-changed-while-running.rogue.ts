/**
 * Changes its table of regions once the bus master runs.
 *
 * Must be refused by the frozen range: the table belongs to the bus master until it is stopped.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { layRegion, outsideEveryGrant, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      layRegion(rig, rig.buffers.fromDisk.address, 512);
      startTransfer(rig, true, 1);
      layRegion(rig, outsideEveryGrant(rig), 512);
    },
  });
