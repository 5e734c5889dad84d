/**
 * Reads 256 sectors through a table of one: the bus master stops with the drive in the middle of its data.
 *
 * In QEMU's AHCI the like of it ended the process (issue 2777).
 * Must be refused by the rule on BMICOM: the regions hold all that the command moves.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { layRegion, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      layRegion(rig, rig.buffers.fromDisk.address, 512);
      startTransfer(rig, true, 256);
    },
  });
