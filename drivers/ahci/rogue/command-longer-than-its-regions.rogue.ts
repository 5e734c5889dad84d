/**
 * Reads eight sectors into a region of one, which QEMU 7.2 does not survive if there is no region at all.
 *
 * Must be refused by the rule on PxCI: the regions hold all that a command moves.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import * as setup from '../driver-setup.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ buffers, fromDisk }) {
      const data = { address: fromDisk.address, bytes: ata.SECTOR_BYTES };
      setup.perform(io, buffers, 0, { command: ata.READ_DMA_EXT, count: 8, data });
    },
  });
