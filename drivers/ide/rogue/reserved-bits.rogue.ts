/**
 * Sets reserved bits of the bus master's command register.
 *
 * Must be refused by the register's reserved bits.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io }) {
      setup.outMaster(io, r.BMICOM, 0x80);
    },
  });
