/**
 * Marks a read as a write, so that its region is judged as memory to read from, and is written.
 *
 * Must be refused by the rule on PxCI: header and command have the same direction.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import * as setup from '../driver-setup.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ buffers, toDisk }) {
      const data = { address: toDisk.address, bytes: ata.SECTOR_BYTES };
      setup.perform(io, buffers, 0, { command: ata.READ_DMA_EXT, count: 1, isWrite: true, data });
    },
  });
