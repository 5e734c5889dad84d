/**
 * Leaves the mark of the last region out, so that the bus master runs on into whatever follows.
 *
 * Must be refused by the walk on BMICOM, where the table leaves its memory.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { layRegion, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const { table, fromDisk } = rig.buffers;
      for (let at = 0; at < table.sizeBytes; at += r.REGION_SIZE_BYTES)
        layRegion(rig, fromDisk.address, 512, { at, isLast: false });
      startTransfer(rig, true, 1);
    },
  });
