/**
 * Switches both engines on before it has said where the rings are.
 *
 * Without a monitor the card uses base 0 with length 0: on a tail write it takes low memory for descriptors.
 * Must be refused by the rule on RCTL or TCTL: enable only after base and length were programmed since the reset.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { enableEngines, maskInterrupts } from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    bringUp() {
      maskInterrupts(io);
    },
    attack() {
      enableEngines(io);
      io.write32(r.BAR_REGISTERS, r.TDT, 1);
    },
  });
