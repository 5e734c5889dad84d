/**
 * Records into memory that was granted for playing only, while it is played.
 *
 * Without a monitor the direction of a grant means nothing.
 * Must be refused by the rule on CONTROL: what is recorded into was granted for the device to write.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { BUFFER_BYTES, record, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      record(rig, rig.sound.address, BUFFER_BYTES);
    },
  });
