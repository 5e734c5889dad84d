/**
 * Gives the card a receive buffer that is not its own: the next frame overwrites foreign memory.
 *
 * Must be refused when the descriptor is stored: its buffer lies in no grant for writing.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import * as setup from '../driver-setup.ts';
import { outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const given = setup.descriptor(r.D_OWN | setup.BUFFER_SIZE_BYTES, outsideEveryGrant(rig), false);
      // The first descriptor is the card's already; so stop the receiver first, as an honest driver would.
      rig.io.write8(r.BAR_REGISTERS, r.CR, r.CR_TE);
      rig.rings.rxRing.copyIn(0, given);
    },
  });
