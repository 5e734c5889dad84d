/**
 * Switches DAC1 on, which was never told its buffer.
 *
 * Without a monitor it plays from address 0.
 * Must be refused by the rule on CONTROL: the buffer is programmed before its channel is switched on.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      setup.setBits(io, r.CONTROL, r.CONTROL_DAC1_EN);
    },
  });
