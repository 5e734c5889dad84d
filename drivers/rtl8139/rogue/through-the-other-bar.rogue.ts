/**
 * Rings through the port BAR, the second door to the same registers.
 *
 * Must be refused: a monitor that watches one door only would miss it.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.io.write32(r.BAR_PORTS, r.RDSAR_LO, 0);
    },
  });
