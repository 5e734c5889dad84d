/**
 * Lets received frames overwrite its own descriptors, past every check of stores.
 *
 * Must be refused when the descriptor is stored: memory of a pool is no buffer.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import * as setup from '../driver-setup.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.io.write8(r.BAR_REGISTERS, r.CR, r.CR_TE);
      rig.rings.rxRing.copyIn(0, setup.descriptor(r.D_OWN | 64, rig.rings.rxRing.address, false));
    },
  });
