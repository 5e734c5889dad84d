/**
 * Moves the list while the engine runs: the monitor vetted the old one, the controller uses the new one.
 *
 * Without a monitor the controller continues with entries that nobody looked at, even if both lists are this driver's own.
 * Must be refused by the rule on BDBAR: a list moves only while its engine is stopped.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { out, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const other = io.allocate(rig.list.sizeBytes, 'commands');
      io.write32(r.BAR_BUS_MASTER, out(r.BDBAR), other.address);
    },
  });
