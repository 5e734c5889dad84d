/**
 * Acknowledges every interrupt as it should, and at once raises the next: nothing to object to but the rate.
 *
 * Without a monitor the processor spends its time on this driver's interrupts.
 * Must be refused by the interrupt's rate limit.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR_REGISTERS, r.ICS, r.INT_LSC);
    },
    interrupt() {
      io.read32(r.BAR_REGISTERS, r.ICR);
      io.write32(r.BAR_REGISTERS, r.ICS, r.INT_LSC);
    },
  });
