/**
 * Moves the registers of the controller over somebody else's memory.
 *
 * Must be refused: BARs are the platform's.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(io.CONFIG, r.PCI_BAR_HBA, 0xe000_0000);
    },
  });
