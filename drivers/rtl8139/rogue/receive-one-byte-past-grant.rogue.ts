/**
 * Says that its last receive buffer is one byte longer than its memory. `receive-exactly-at-grant-end` is its honest twin.
 *
 * A check that is off by one would let the card write a foreign byte.
 * Must be refused when the descriptor is stored: each buffer ends inside its grant.
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
      rxRing.copyIn(0, setup.descriptor(r.D_OWN | (setup.BUFFER_SIZE_BYTES + 1), last, false));
    },
  });
