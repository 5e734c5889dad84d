/**
 * The PHY behind MDIC (data sheet 13.4.7, IEEE 802.3 clause 22) and its autonegotiation.
 *
 * The link is up from the start, as if a partner were always plugged in. Restarting autonegotiation takes it down for
 * `autonegotiationUs`; then it comes up again and LSC is raised.
 */
import { raise } from './model-interrupt.ts';
import type { E1000State } from './model-state.ts';
import { register, setRegister } from './model-state.ts';
import * as r from './registers.ts';

const READABLE = new Set([0, 1, 2, 3, 4, 5, 6, 9, 10, 16, 17, 20, 21]);
const WRITABLE = new Set([0, 4, 9, 16, 20]);
/** Reserved bits of PHY_CTRL, and the two that clear themselves. */
const PHY_CTRL_NOT_KEPT = 0x003f | r.PHY_CTRL_RESET | r.PHY_CTRL_RESTART_AUTONEG;

/** What writing MDIC starts; the transaction is over before the write returns. */
export function writeMdic(state: E1000State, value: number, nowUs: number, autonegotiationUs: number): void {
  const index = (value & r.MDIC_REGISTER) >>> r.MDIC_REGISTER_SHIFT;
  const phy = (value & r.MDIC_PHY) >>> r.MDIC_PHY_SHIFT;
  let answer = value;
  if (phy !== r.PHY_ADDRESS) {
    answer = register(state, r.MDIC) | r.MDIC_ERROR;
  } else if ((value & r.MDIC_OP_READ) !== 0) {
    if (READABLE.has(index)) answer = (value & ~r.MDIC_DATA) | (state.phy[index] ?? 0);
    else answer |= r.MDIC_ERROR;
  } else if ((value & r.MDIC_OP_WRITE) !== 0) {
    if (WRITABLE.has(index)) writePhy(state, index, value & r.MDIC_DATA, nowUs, autonegotiationUs);
    else answer |= r.MDIC_ERROR;
  }
  setRegister(state, r.MDIC, answer | r.MDIC_READY);
  if ((answer & r.MDIC_INTERRUPT) !== 0) raise(state, r.INT_MDAC);
}

function writePhy(state: E1000State, index: number, data: number, nowUs: number, autonegotiationUs: number): void {
  if (index !== r.PHY_CTRL) {
    state.phy[index] = data;
    return;
  }
  state.phy[r.PHY_CTRL] = data & ~PHY_CTRL_NOT_KEPT;
  const restart = r.PHY_CTRL_AUTONEG | r.PHY_CTRL_RESTART_AUTONEG;
  if ((data & restart) !== restart) return;
  setRegister(state, r.STATUS, register(state, r.STATUS) & ~r.STATUS_LU);
  clearPhy(state, r.PHY_STATUS, r.PHY_STATUS_LINK | r.PHY_STATUS_AUTONEG_COMPLETE);
  clearPhy(state, r.PHY_LP_ABILITY, r.PHY_LP_ABILITY_ACK);
  state.autonegotiation[0] = nowUs + autonegotiationUs;
}

/** Called when the deadline of autonegotiation has passed. */
export function finishAutonegotiation(state: E1000State): void {
  state.autonegotiation[0] = 0;
  setRegister(state, r.STATUS, register(state, r.STATUS) | r.STATUS_LU);
  setPhy(state, r.PHY_STATUS, r.PHY_STATUS_LINK | r.PHY_STATUS_AUTONEG_COMPLETE);
  setPhy(state, r.PHY_LP_ABILITY, r.PHY_LP_ABILITY_ACK);
  raise(state, r.INT_LSC);
}

function setPhy(state: E1000State, index: number, bits: number): void {
  state.phy[index] = (state.phy[index] ?? 0) | bits;
}

function clearPhy(state: E1000State, index: number, bits: number): void {
  state.phy[index] = (state.phy[index] ?? 0) & ~bits;
}
