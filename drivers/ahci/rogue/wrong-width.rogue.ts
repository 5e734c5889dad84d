/**
 * Writes half of PxCMD.
 *
 * Must be refused by its width.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write16(r.BAR_HBA, r.portAt(0) + r.PxCMD, 0);
    },
  });
