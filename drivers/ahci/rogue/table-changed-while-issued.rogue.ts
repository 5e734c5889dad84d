/**
 * Issues an honest command, and then has it read into memory that is not its own.
 *
 * Must be refused because a table is frozen until its command is done.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant } from '../../rogue/foreign-memory.ts';
import * as r from '../registers.ts';
import { readSector, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      readSector(rig, rig.fromDisk.address);
      rig.buffers.tables.write32(r.TABLE_REGIONS, outsideEveryGrant(rig));
    },
  });
