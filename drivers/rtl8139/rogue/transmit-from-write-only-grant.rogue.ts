/**
 * Sends from memory that was granted for receiving only: what came in for others goes out again.
 *
 * Must be refused when the descriptor is stored: the grant is of the other direction.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue, send } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      send(rig, rig.rings.rxBuffers.address, 100);
    },
  });
