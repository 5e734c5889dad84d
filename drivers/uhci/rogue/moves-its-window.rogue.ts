/**
 * Reprograms its base address in PCI configuration, so that its ports lie over another device's.
 *
 * Without a monitor checks by address look at the wrong thing.
 * Must be refused by the rules on PCI configuration: BARs belong to the platform.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(io.CONFIG, 0x20, 0x1f1);
    },
  });
