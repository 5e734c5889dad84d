/**
 * Tells a channel to begin behind the end of its own buffer (CVE-2020-13361 in QEMU).
 *
 * Without a monitor the length of what is left becomes a number that no buffer has.
 * Must be refused by the rule on the size: the current place lies inside.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      setup.clearBits(io, r.CONTROL, r.CONTROL_DAC2_EN);
      io.write32(r.BAR, r.MEM_PAGE, r.PAGE_DAC);
      io.write32(r.BAR, r.SIZE_B, 0x8000_0004);
    },
  });
