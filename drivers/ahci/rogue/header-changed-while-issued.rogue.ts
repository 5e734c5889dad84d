/**
 * Issues an honest command, and then points its header to another table.
 *
 * Must be refused because a header is frozen until its command is done.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { readSector, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      readSector(rig, rig.fromDisk.address);
      rig.buffers.list.write32(r.HEADER_TABLE, rig.fromDisk.address);
    },
  });
