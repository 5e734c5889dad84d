/**
 * Sets reserved bits of RCTL (bit 14 and bits 27 to 31).
 *
 * What the card does then is unknown: later parts of the family give these bits meanings, debugging modes among them.
 * Must be refused by the register's declaration: reserved bits are written as zero.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      const rctl = io.read32(r.BAR_REGISTERS, r.RCTL);
      io.write32(r.BAR_REGISTERS, r.RCTL, (rctl | r.RCTL_RESERVED) >>> 0);
    },
  });
