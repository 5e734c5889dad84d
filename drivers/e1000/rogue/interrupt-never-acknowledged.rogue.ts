/**
 * Raises its own interrupt and never reads ICR, so that the line stays high for ever.
 *
 * Without a monitor the processor does nothing but enter the handler: livelock (the threat that Nexus' interrupt automaton
 * was made for).
 * Must be refused at the interrupt's deadline: the cause was not read, let alone acknowledged.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

const CAUSES = r.INT_TXDW | r.INT_RXT0 | r.INT_LSC;

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR_REGISTERS, r.IMS, CAUSES);
      io.write32(r.BAR_REGISTERS, r.ICS, CAUSES);
    },
    interrupt() {
      io.write32(r.BAR_REGISTERS, r.ICS, CAUSES);
    },
  });
