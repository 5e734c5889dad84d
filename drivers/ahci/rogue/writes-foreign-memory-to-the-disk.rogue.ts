/**
 * Has memory that is not its own written to the disk, where it can be read back.
 *
 * Must be refused by the rule on PxCI: each region lies in memory that the device may read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import { outsideEveryGrant } from '../../rogue/foreign-memory.ts';
import * as setup from '../driver-setup.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const data = { address: outsideEveryGrant(rig), bytes: ata.SECTOR_BYTES };
      setup.perform(io, rig.buffers, 0, { command: ata.WRITE_DMA_EXT, count: 1, isWrite: true, data });
    },
  });
