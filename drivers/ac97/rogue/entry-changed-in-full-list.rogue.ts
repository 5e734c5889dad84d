/**
 * The same with all 32 entries published, as Linux has them: the list has no end that could be compared with.
 *
 * Without a monitor the check has seen one buffer and the controller plays another.
 * Must be refused when the entry is stored: the whole list belongs to the device.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { fill, outsideEveryGrant, play, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      setup.resetEngine(io, r.PCM_OUT);
      play(rig);
      setup.publishUpTo(io, r.PCM_OUT, r.BUFFERS_MAX - 1);
      fill(rig, r.BUFFERS_MAX - 1, outsideEveryGrant(rig));
    },
  });
