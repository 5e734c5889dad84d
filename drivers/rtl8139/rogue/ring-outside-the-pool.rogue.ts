/**
 * Keeps its receive ring in memory for data, where no store is looked at.
 *
 * Must be refused when the engine is enabled: descriptors live in vetted memory.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { allocateLast, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const { address } = allocateLast(rig, 4096, 'device-reads-writes');
      rig.io.write8(r.BAR_REGISTERS, r.CR, r.CR_TE);
      rig.io.write32(r.BAR_REGISTERS, r.RDSAR_LO, address % 2 ** 32);
      rig.io.write8(r.BAR_REGISTERS, r.CR, r.CR_TE | r.CR_RE);
    },
  });
