/**
 * A port of the AHCI model: its registers (AHCI 1.3.1, 3.3).
 *
 * What is written here sets the rest to work: the link to the drive (`model-link.ts`) and the commands (`model-commands.ts`).
 */
import { runCommands } from './model-commands.ts';
import { introduce, resetPort, type Port } from './model-link.ts';
import * as r from './registers.ts';

/** Bits of PxCMD that a driver cannot write: what the port is doing, and what it can do. */
const CMD_READ_ONLY = 0x007d_ffe0;
const CMD_ICC = 0xf000_0000;
const IE_WRITABLE = 0xfdc0_00ff;
const SSTS_GEN1 = 0x113;

/** A reset of the controller: of the link, and of the registers that a reset of the link keeps. */
export function resetPortOfController(port: Port): void {
  const { state } = port;
  state.is = 0;
  state.ie = 0;
  state.sctl = 0;
  state.cmd = r.PxCMD_SUD | r.PxCMD_POD;
  resetPort(port);
}

export function readPort({ state, drive }: Port, register: number): number {
  switch (register) {
    case r.PxCLB:
      return state.clb;
    case r.PxCLBU:
      return state.clbu;
    case r.PxFB:
      return state.fb;
    case r.PxFBU:
      return state.fbu;
    case r.PxIS:
      return state.is;
    case r.PxIE:
      return state.ie;
    case r.PxCMD:
      return state.cmd;
    case r.PxTFD:
      return state.tfd;
    case r.PxSIG:
      return state.sig;
    case r.PxSSTS:
      return drive === undefined ? 0 : SSTS_GEN1;
    case r.PxSCTL:
      return state.sctl;
    case r.PxSERR:
      return state.serr;
    case r.PxSACT:
      return state.sact;
    case r.PxCI:
      return state.ci;
    default:
      return 0;
  }
}

export function writePort(port: Port, register: number, value: number): void {
  const { state } = port;
  switch (register) {
    case r.PxCLB:
      state.clb = value;
      break;
    case r.PxCLBU:
      state.clbu = value;
      break;
    case r.PxFB:
      state.fb = value;
      break;
    case r.PxFBU:
      state.fbu = value;
      break;
    case r.PxIS:
      state.is &= ~value;
      break;
    case r.PxIE:
      state.ie = value & IE_WRITABLE;
      break;
    case r.PxCMD:
      writeCommand(port, value);
      break;
    case r.PxSCTL:
      if ((state.sctl & r.PxSCTL_DET) === 1 && (value & r.PxSCTL_DET) === 0) {
        resetPort(port);
        introduce(port);
      }
      state.sctl = value;
      break;
    case r.PxSERR:
      state.serr &= ~value;
      break;
    case r.PxSACT:
      state.sact |= value;
      break;
    case r.PxCI:
      state.ci |= value;
      runCommands(port);
      break;
    default:
  }
}

function writeCommand(port: Port, value: number): void {
  const { state } = port;
  if ((state.cmd & ~value & r.PxCMD_ST) !== 0) {
    state.ci = 0;
    state.sact = 0;
  }
  state.cmd = (state.cmd & CMD_READ_ONLY) | (value & ~(CMD_READ_ONLY | CMD_ICC));
  for (const [wanted, runs] of [
    [r.PxCMD_ST, r.PxCMD_CR],
    [r.PxCMD_FRE, r.PxCMD_FR],
  ] as const) {
    if (!port.isMaster()) state.cmd &= ~wanted;
    if ((state.cmd & wanted) === 0) state.cmd &= ~runs;
    else state.cmd |= runs;
  }
  introduce(port);
  runCommands(port);
}
