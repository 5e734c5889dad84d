/**
 * Prepares an entry with a foreign pointer, which nobody minds, and publishes it later with the last valid index.
 *
 * Without a monitor a list that was checked when it started grows by what was not.
 * Must be refused by the rule on LVI: each entry that becomes valid is checked.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { LAST, fill, outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      fill(rig, LAST + 1, outsideEveryGrant(rig));
      setup.publishUpTo(io, r.PCM_OUT, LAST + 1);
    },
  });
