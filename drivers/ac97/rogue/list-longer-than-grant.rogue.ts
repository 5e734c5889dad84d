/**
 * Keeps its list at the end of its command memory, so that the second half of the 32 entries is another's.
 *
 * Without a monitor the controller goes on into foreign memory at the 17th entry.
 * Must be refused by the rule on CR: all 32 entries lie in memory granted for commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { BUFFER_SAMPLES, allocateIsolated, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      setup.resetEngine(io, r.PCM_OUT);
      const list = allocateIsolated(rig, (r.BUFFERS_MAX / 2) * r.BUFFER_SIZE_BYTES, 'commands');
      setup.fillEntry(list, 0, rig.sound.address, BUFFER_SAMPLES);
      setup.runEngine(io, r.PCM_OUT, list, 0);
    },
  });
