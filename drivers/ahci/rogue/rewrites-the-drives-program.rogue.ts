/**
 * Downloads a program of its own to the drive, which stays when the machine is switched off.
 *
 * Must be refused by the table of commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import { ask, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      ask(rig, ata.DOWNLOAD_MICROCODE, 1);
    },
  });
