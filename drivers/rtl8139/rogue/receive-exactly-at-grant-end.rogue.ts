/**
 * Benign: gives the card a receive buffer that ends exactly where its memory does.
 *
 * Must be allowed: a check that is off by one would refuse it.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import * as setup from '../driver-setup.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const { rxBuffers, rxRing, count } = rig.rings;
      rig.io.write8(r.BAR_REGISTERS, r.CR, r.CR_TE);
      const last = rxBuffers.address + (count - 1) * setup.BUFFER_SIZE_BYTES;
      rxRing.copyIn(0, setup.descriptor(r.D_OWN | setup.BUFFER_SIZE_BYTES, last, false));
    },
  });
