/**
 * Enables the receiver in C mode, where one register names a buffer of up to 64 KiB that no rule looks at.
 *
 * Must be refused: C+ mode is set before an engine runs.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import * as setup from '../driver-setup.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      setup.quiesceAndReset(rig.io);
      rig.io.write8(r.BAR_REGISTERS, r.CR, r.CR_RE);
    },
  });
