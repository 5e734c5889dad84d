/**
 * Plays a buffer that ends one double word past its memory: sizes are counted in double words less one.
 *
 * Without a monitor each turn ends with four bytes of whoever lies behind.
 * Must be refused by the rule on CONTROL: the whole of a buffer lies in memory granted for the device to read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { BUFFER_BYTES, allocateIsolated, play, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const region = allocateIsolated(rig, BUFFER_BYTES, 'device-reads');
      play(rig, region.address, BUFFER_BYTES + 4);
    },
  });
