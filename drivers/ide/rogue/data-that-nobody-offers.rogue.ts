/**
 * Reads the data port of a drive at rest: in QEMU this once read past the end of a buffer (CVE-2015-5154).
 *
 * Must be refused by the rule on DATA.
 */
import { PORT_SPACE } from '../../../dsslang/runtime.ts';
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io }) {
      io.read16(PORT_SPACE, r.PRIMARY.task + r.DATA);
    },
  });
