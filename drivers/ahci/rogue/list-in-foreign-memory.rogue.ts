/**
 * Stops its port, and starts it anew with a command list in memory that is not its own.
 *
 * Must be refused by the rule on PxCMD: the list lies in memory granted for commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant } from '../../rogue/foreign-memory.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      setup.stop(io);
      setup.writePort(io, r.PxCLB, outsideEveryGrant(rig));
      setup.start(io);
    },
  });
