/**
 * Points the header of a command to a table in memory that is not its own: what lies there would be taken for regions.
 *
 * Must be refused because tables lie in memory granted for commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant } from '../../rogue/foreign-memory.ts';
import { readThroughTable, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      readThroughTable(rig, outsideEveryGrant(rig));
    },
  });
