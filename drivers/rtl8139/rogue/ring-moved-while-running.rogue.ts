/**
 * Moves the transmit ring while the engine runs.
 *
 * Must be refused: the card would take descriptors from a place that it was not enabled with.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.io.write32(r.BAR_REGISTERS, r.TNPDS_LO, rig.rings.rxRing.address);
    },
  });
