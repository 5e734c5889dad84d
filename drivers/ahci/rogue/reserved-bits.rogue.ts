/**
 * Sets reserved bits of GHC.
 *
 * Must be refused.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      setup.write(io, r.GHC, r.GHC_AE | 0x100);
    },
  });
