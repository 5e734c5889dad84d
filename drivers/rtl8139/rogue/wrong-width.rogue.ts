/**
 * Writes one byte of a 32-bit register.
 *
 * Must be refused: the register takes whole accesses.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.io.write8(r.BAR_REGISTERS, r.RCR, 0x0f);
    },
  });
