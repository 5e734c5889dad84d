/**
 * Writes behind the registers of the last port.
 *
 * Must be refused because the device has nothing there.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      setup.write(io, r.portAt(r.PORTS), 0);
    },
  });
