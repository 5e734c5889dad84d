/**
 * Has the disk written over memory that is not its own, by one region of a command.
 *
 * Without a monitor a sector of the attacker's choice lands anywhere in the machine.
 *
 * Must be refused by the rule on PxCI: each region lies in memory that the device may write.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant } from '../../rogue/foreign-memory.ts';
import { readSector, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      readSector(rig, outsideEveryGrant(rig));
    },
  });
