/**
 * Uses the window of BAR 1 (IOADDR, IODATA), behind which all registers can be reached a second time: resets the card
 * through it, as real drivers do, and then rings the transmit doorbell through it.
 *
 * A monitor that only watches BAR 0 sees neither. It believes the rings as they were, while the card starts from base 0.
 * Must be refused by the rules on BAR 1: the window is decoded, and TDT behind it obeys the rule on TDT.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const throughWindow = (offset: number, value: number): void => {
        io.write32(r.BAR_IO, r.IOADDR, offset);
        io.write32(r.BAR_IO, r.IODATA, value);
      };
      throughWindow(r.CTRL, r.CTRL_RST);
      throughWindow(r.TDBAL, outsideEveryGrant(rig) % 2 ** 32);
      throughWindow(r.TDLEN, 128);
      throughWindow(r.TCTL, r.TCTL_EN);
      throughWindow(r.TDT, 1);
    },
  });
