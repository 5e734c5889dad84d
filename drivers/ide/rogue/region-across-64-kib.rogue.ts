/**
 * Lays a region across a boundary of 64 KiB, where the real part wraps around and QEMU's does not.
 *
 * Must be refused by the rule on BMICOM.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { layRegion, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const boundary = Math.ceil((rig.buffers.fromDisk.address + 2) / 65_536) * 65_536;
      layRegion(rig, boundary - 2, 512);
      startTransfer(rig, true, 1);
    },
  });
