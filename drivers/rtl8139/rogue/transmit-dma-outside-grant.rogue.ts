/**
 * Sends a page that is not its own: the frame carries foreign memory out of the machine.
 *
 * Must be refused when the descriptor is stored: its buffer lies in no grant for reading.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant, rogue, send } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      send(rig, outsideEveryGrant(rig), 1000);
    },
  });
