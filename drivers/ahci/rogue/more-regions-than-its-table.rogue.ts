/**
 * Claims nine regions for a table that has memory for eight: the ninth is taken from whatever lies behind.
 *
 * Must be refused because all regions of a table lie in memory granted for commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io, buffers, fromDisk }) {
      const data = { address: fromDisk.address, bytes: ata.SECTOR_BYTES };
      setup.layCommand(buffers, 0, { command: ata.READ_DMA_EXT, count: 1, data });
      const regions = (buffers.tables.sizeBytes - r.TABLE_REGIONS) / r.REGION_SIZE_BYTES;
      for (let region = 1; region < regions; region += 1) {
        const at = r.TABLE_REGIONS + region * r.REGION_SIZE_BYTES;
        buffers.tables.write32(at, fromDisk.address);
        buffers.tables.write32(at + 12, ata.SECTOR_BYTES - 1);
      }
      buffers.list.write16(2, regions + 1);
      setup.issue(io, 0, false);
    },
  });
