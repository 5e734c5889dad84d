/**
 * Has its interrupts delivered as messages, to memory that is not its own: each is a write of a word.
 *
 * Must be refused: messages are the platform's.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant } from '../../rogue/foreign-memory.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      io.write32(io.CONFIG, 0x84, outsideEveryGrant(rig));
    },
  });
