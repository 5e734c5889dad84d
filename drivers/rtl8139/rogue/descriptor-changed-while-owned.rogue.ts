/**
 * Changes a receive descriptor that it has given to the card.
 *
 * The card may have fetched one half of it already: it would write to an address that nobody ever checked.
 * Must be refused: a descriptor with OWN belongs to the card.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import * as setup from '../driver-setup.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const { rxBuffers, rxRing } = rig.rings;
      rxRing.copyIn(r.DESCRIPTOR_SIZE_BYTES, setup.descriptor(r.D_OWN | 512, rxBuffers.address, false));
    },
  });
