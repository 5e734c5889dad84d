/**
 * Gives its last descriptor away without the end mark: the card would walk on into foreign memory (CVE-2016-8910).
 *
 * Must be refused when the descriptor is stored: the last one carries EOR.
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
      const last = (count - 1) * r.DESCRIPTOR_SIZE_BYTES;
      rxRing.copyIn(last, setup.descriptor(r.D_OWN | setup.BUFFER_SIZE_BYTES, rxBuffers.address, false));
    },
  });
