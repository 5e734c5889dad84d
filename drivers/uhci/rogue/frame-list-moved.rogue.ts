/**
 * Moves the frame list while the schedule runs.
 *
 * Without a monitor the controller goes on at an address nobody has looked at.
 * Must be refused by the rule that the list stays in its place.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { foreign, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      io.write32(r.BAR_IO, r.FLBASEADD, foreign(rig));
    },
  });
