/**
 * Keeps a command table in a buffer for data from the disk, which the disk can rewrite after it was judged.
 *
 * Must be refused because tables lie in memory granted for commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { readThroughTable, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      readThroughTable(rig, rig.fromDisk.address);
    },
  });
