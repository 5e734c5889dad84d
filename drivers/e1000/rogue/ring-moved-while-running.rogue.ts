/**
 * Moves the transmit ring while the engine runs: the monitor vetted the old ring, the card uses the new one.
 *
 * Without a monitor the card continues with descriptors that nobody looked at, even if both rings are this driver's own.
 * Must be refused by the rule on TDBAL: ring registers change only while the engine is off.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const other = io.allocate(rig.rings.txRing.sizeBytes, 'commands');
      io.write32(r.BAR_REGISTERS, r.TDBAL, other.address % 2 ** 32);
    },
  });
