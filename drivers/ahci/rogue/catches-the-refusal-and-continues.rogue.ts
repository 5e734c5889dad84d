/**
 * Catches every refusal and goes on to the next attack, as if nothing had happened.
 *
 * Must be refused at its first attack, and reach nothing afterwards.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant } from '../../rogue/foreign-memory.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { readSector, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      for (let tries = 0; tries < 3; tries += 1) {
        try {
          setup.writePort(io, r.PxCLB, outsideEveryGrant(rig));
          readSector(rig, outsideEveryGrant(rig));
        } catch {
          // The next attempt must meet the same end.
        }
      }
    },
  });
