/**
 * Writes a register that no driver needs: the packet buffer memory, the card's own store of frames under way.
 *
 * Without a monitor the driver can change frames after they were checked, or reach test modes of the chip.
 * Must be refused by default deny: the register is not in the specification.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR_REGISTERS, r.PBM, 0xdead_beef);
    },
  });
