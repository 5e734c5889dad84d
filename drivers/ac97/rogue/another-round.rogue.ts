/**
 * Writes the same last valid index again, with a foreign pointer in an entry behind it.
 *
 * Without a monitor an engine that has halted there begins another round, through all 32 entries.
 * Must be refused by the rule on LVI: then all of the list must be in order.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { LAST, fill, outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      fill(rig, LAST + 9, outsideEveryGrant(rig));
      setup.publishUpTo(io, r.PCM_OUT, LAST);
    },
  });
