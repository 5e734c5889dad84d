/**
 * Reprograms BAR 0 in PCI configuration, so that the card's registers appear where other memory or another card was.
 *
 * Without a monitor the card answers in place of what was there, and checks by address look at the wrong thing.
 * Must be refused by the rules on PCI configuration: BARs belong to the platform.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(io.CONFIG, r.PCI_BAR0, 0x0010_0000);
    },
  });
