/**
 * Sets reserved bits of the command register.
 *
 * Must be refused: the data sheet wants them written as 0.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.io.write8(r.BAR_REGISTERS, r.CR, 0xe0 | r.CR_TE | r.CR_RE);
    },
  });
