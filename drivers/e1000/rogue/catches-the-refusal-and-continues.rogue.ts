/**
 * Catches the error of a refused operation and goes on as if nothing had happened, trying the next attack.
 *
 * A monitor that only throws leaves a hostile driver in charge: it may try until something works.
 * Must be refused at the first attempt, and for good: after it the driver gets nothing more done and is stopped.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { RING_COUNT, outsideEveryGrant, rogue, sendFrame } from './honest-setup.ts';

const ATTEMPTS = 100;

function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // That is the attack.
  }
}

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        quietly(() => io.write32(r.BAR_REGISTERS, r.TDT, RING_COUNT + attempt));
        quietly(() => sendFrame(rig, outsideEveryGrant(rig), 60 + attempt));
        quietly(() => io.write32(r.BAR_REGISTERS, r.PBM, attempt));
      }
    },
  });
