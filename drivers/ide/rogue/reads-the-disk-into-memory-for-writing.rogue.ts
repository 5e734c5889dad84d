/**
 * Reads the disk into the buffer that it was granted for writing to the disk only.
 *
 * Must be refused by the rule on BMICOM: the direction counts.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { layRegion, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      layRegion(rig, rig.buffers.toDisk.address, 512);
      startTransfer(rig, true, 1);
    },
  });
