/**
 * Sends a packet with an identifier that there is not.
 *
 * The controller stops for good (a host controller process error), and every other device with it.
 * Must be refused by the rule on packet identifiers.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { execute, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      execute(rig, 0xa5, rig.buffer.address, 8);
    },
  });
