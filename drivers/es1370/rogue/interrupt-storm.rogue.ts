/**
 * Asks for an interrupt with every frame, at the highest rate, and acknowledges every one of them as it should.
 *
 * Without a monitor the processor spends its time on this driver's interrupts.
 * Must be refused by the interrupt's rate limit.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    interrupt() {
      io.read32(r.BAR, r.STATUS);
      setup.acknowledge(io, r.SERIAL_P2_INT_EN);
    },
    attack() {
      setup.clearBits(io, r.CONTROL, r.CONTROL_PCLKDIV_MAX << r.CONTROL_PCLKDIV_SHIFT);
      io.write32(r.BAR, r.DAC2_COUNT, 0);
    },
  });
