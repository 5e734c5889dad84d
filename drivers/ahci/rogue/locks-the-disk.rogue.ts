/**
 * Sets a password on the disk: nobody else will ever read it.
 *
 * Must be refused by the table of commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import { ask, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      ask(rig, ata.SECURITY_SET_PASSWORD);
    },
  });
