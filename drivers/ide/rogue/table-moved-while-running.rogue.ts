/**
 * Points the bus master at another table while it runs.
 *
 * Must be refused by the rule on BMIDTP.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { layRegion, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      layRegion(rig, rig.buffers.fromDisk.address, 512);
      startTransfer(rig, true, 1);
      rig.io.write32(r.BAR_MASTER, r.BMIDTP, rig.buffers.table.address + 8);
    },
  });
