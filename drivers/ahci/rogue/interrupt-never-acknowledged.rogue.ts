/**
 * Has the drive interrupt, and never reads why.
 *
 * Must be refused by the interrupt automaton when the deadline comes.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import { ask, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      ask(rig, ata.CHECK_POWER);
    },
    interrupt: () => undefined,
  });
