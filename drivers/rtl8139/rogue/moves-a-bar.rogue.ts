/**
 * Reprograms BAR 1, to lay its registers over somebody else's memory.
 *
 * Must be refused: the bus belongs to the platform.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue } from './honest-setup.ts';

const PCI_BAR1 = 0x14;

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.io.write32(rig.io.CONFIG, PCI_BAR1, 0x10_0000);
    },
  });
