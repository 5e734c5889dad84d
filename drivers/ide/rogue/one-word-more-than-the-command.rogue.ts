/**
 * Reads 257 words of the 256 that IDENTIFY DEVICE has.
 *
 * Must be refused by the rule on DATA: a command moves exactly its words.
 */
import { PORT_SPACE } from '../../../dsslang/runtime.ts';
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io }) {
      setup.outTask(io, r.COMMAND, r.IDENTIFY);
      setup.whenReady(io);
      for (let word = 0; word <= r.SECTOR_WORDS; word += 1) io.read16(PORT_SPACE, r.PRIMARY.task + r.DATA);
    },
  });
