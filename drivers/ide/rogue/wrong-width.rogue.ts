/**
 * Writes two registers of the task file with one access.
 *
 * Must be refused by the width rule of COUNT.
 */
import { PORT_SPACE } from '../../../dsslang/runtime.ts';
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io }) {
      io.write16(PORT_SPACE, r.PRIMARY.task + r.COUNT, 1);
    },
  });
