/**
 * Writes the receive buffer address of C mode.
 *
 * Must be refused: in C+ mode no driver has any business there.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue } from './honest-setup.ts';
import * as r from '../registers.ts';

const RBSTART = 0x30;

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.io.write32(r.BAR_REGISTERS, RBSTART, rig.rings.rxBuffers.address);
    },
  });
