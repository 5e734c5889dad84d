/**
 * Commands a read of the disk, and starts the bus master as if for a write: over memory that the device may only read.
 *
 * QEMU's controller believes the command, and writes there.
 * Must be refused by the rule on BMICOM: the bus master runs in the direction of the command.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { layRegion, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const { io, buffers } = rig;
      layRegion(rig, buffers.toDisk.address, 512);
      setup.prepareMaster(io, buffers.table, false);
      setup.program(io, 0, 1, false);
      setup.outTask(io, r.COMMAND, r.READ_DMA);
      setup.startMaster(io, false);
    },
  });
