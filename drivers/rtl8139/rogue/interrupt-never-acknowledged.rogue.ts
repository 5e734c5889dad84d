/**
 * Raises its interrupt and never acknowledges it: the line stays up for ever.
 *
 * Must be refused by the interrupt's deadline.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue, send } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    // The attack is to do nothing here.
    interrupt: () => undefined,
    attack(rig) {
      send(rig, rig.rings.txBuffers.address, 100);
    },
  });
