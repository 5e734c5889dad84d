/**
 * Plays a buffer that ends one sample past its memory: lengths count samples of two bytes, and it is easy to be wrong by one.
 *
 * Without a monitor the sound ends with two bytes of whoever lies behind.
 * Must be refused by the rule on CR: the whole of each buffer lies in memory granted for the device to read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { BUFFER_BYTES, BUFFER_SAMPLES, allocateIsolated, playOnly, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const region = allocateIsolated(rig, BUFFER_BYTES, 'device-reads');
      playOnly(rig, region.address, BUFFER_SAMPLES + 1);
    },
  });
