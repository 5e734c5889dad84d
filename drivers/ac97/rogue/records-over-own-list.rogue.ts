/**
 * Records into its own list of buffers, which is being played: the microphone writes the next pointers.
 *
 * Without a monitor whoever speaks decides what memory is played.
 * Must be refused by the rule on CR: memory granted for commands is not for the device to write.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { record, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      record(rig, rig.list.address);
    },
  });
