/**
 * Moves the command list of a port that runs.
 *
 * Must be refused by the rule on PxCLB: the list moves only while its port is stopped.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ buffers }) {
      setup.writePort(io, r.PxCLB, buffers.list.address);
    },
  });
