/**
 * Publishes an entry that is in order, then changes its pointer before the controller gets there.
 *
 * Without a monitor the check has seen one buffer and the controller plays another.
 * Must be refused when the entry is stored: it belongs to the device until it gives it back.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { LAST, fill, outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      fill(rig, LAST, outsideEveryGrant(rig));
    },
  });
