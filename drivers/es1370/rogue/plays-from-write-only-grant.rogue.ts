/**
 * Plays memory that was granted for recording only.
 *
 * Without a monitor one channel makes audible what another was told to keep.
 * Must be refused by the rule on CONTROL: what is played was granted for the device to read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { BUFFER_BYTES, allocateIsolated, play, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const region = allocateIsolated(rig, BUFFER_BYTES, 'device-writes');
      play(rig, region.address, BUFFER_BYTES);
    },
  });
