/**
 * Keeps its list of buffers in memory that is not its own, where another may write what it likes.
 *
 * Without a monitor the controller takes pointers from wherever it is sent.
 * Must be refused by the rule on CR: the list lies in memory granted for commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      setup.resetEngine(io, r.PCM_OUT);
      setup.runEngine(io, r.PCM_OUT, { ...rig.list, address: outsideEveryGrant(rig) }, 0);
    },
  });
