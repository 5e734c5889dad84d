/**
 * The interrupt logic of the 82540EM model (data sheet 13.4.17 to 13.4.21): ICR, ICS, IMS, IMC and the line.
 *
 * Invariant: the line is asserted exactly while a cause that is not masked is pending, INTx is not disabled in PCI
 * configuration, and no call on the model is under way. Causes set during one call are collected, so the line moves at
 * most once a call; QEMU delays a new assertion by at least 128 us on top of that (interrupt moderation), which
 * this model does not.
 */
import type { E1000State } from './model-state.ts';
import { register, setRegister } from './model-state.ts';
import * as r from './registers.ts';

/** ICS reads back the pending causes, as ICR does, but without clearing them (QEMU; the data sheet calls it write-only). */
function setPending(state: E1000State, causes: number): void {
  setRegister(state, r.ICR, causes);
  setRegister(state, r.ICS, causes);
}

export function raise(state: E1000State, causes: number): void {
  setPending(state, register(state, r.ICR) | causes);
}

export function readIcr(state: E1000State): number {
  const causes = register(state, r.ICR);
  setPending(state, 0);
  return causes;
}

export function acknowledge(state: E1000State, causes: number): void {
  setPending(state, register(state, r.ICR) & ~causes);
}

/** The level that the line should have now; also keeps PCI status bit 3 up to date. */
export function currentLevel(state: E1000State): 0 | 1 {
  const pending = (register(state, r.ICR) & register(state, r.IMS)) !== 0;
  const status = state.config.getUint16(r.PCI_STATUS, true) & ~r.PCI_STATUS_INTERRUPT;
  state.config.setUint16(r.PCI_STATUS, pending ? status | r.PCI_STATUS_INTERRUPT : status, true);
  const disabled = (state.config.getUint16(r.PCI_COMMAND, true) & r.PCI_COMMAND_INTX_DISABLE) !== 0;
  return pending && !disabled ? 1 : 0;
}
