/**
 * Reads the disk into memory that was granted for the other direction.
 *
 * Must be refused by the rule on PxCI: memory is granted for a direction.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { readSector, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      readSector(rig, rig.toDisk.address);
    },
  });
