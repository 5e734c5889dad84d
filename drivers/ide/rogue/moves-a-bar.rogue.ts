/**
 * Moves the registers of the bus master over somebody else's ports.
 *
 * Must be refused: BARs are the platform's.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io }) {
      io.write32(io.CONFIG, 0x20, 0x3f1);
    },
  });
