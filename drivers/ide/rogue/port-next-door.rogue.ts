/**
 * Writes the port behind the task file, which is another device's.
 *
 * Must be refused because the device has nothing there.
 */
import { PORT_SPACE } from '../../../dsslang/runtime.ts';
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io }) {
      io.write8(PORT_SPACE, r.PRIMARY.task + 8, 0);
    },
  });
