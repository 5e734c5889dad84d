/**
 * Sets the frame number while the controller counts it.
 *
 * The data sheet forbids it: devices lose their sense of time.
 * Must be refused by the rule that the number is the controller's.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write16(r.BAR_IO, r.FRNUM, 0);
    },
  });
