/**
 * Gives a queued command the tag of another slot, whose completion would then be taken for another's.
 *
 * Must be refused by the rule on PxCI.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ buffers, fromDisk }) {
      const data = { address: fromDisk.address, bytes: ata.SECTOR_BYTES };
      setup.layCommand(buffers, 0, { command: r.READ_QUEUED, count: 1, isQueued: true, data });
      buffers.tables.write8(12, 5 << 3);
      setup.issue(io, 0, true);
    },
  });
