/**
 * Has what the disk sends received into memory that is not its own.
 *
 * Must be refused by the rule on PxCMD: the receive area lies in memory that the device may write.
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
      setup.writePort(io, r.PxCMD, 0);
      setup.readPort(io, r.PxCMD);
      setup.writePort(io, r.PxFB, outsideEveryGrant(rig));
      setup.writePort(io, r.PxCMD, r.PxCMD_FRE);
    },
  });
