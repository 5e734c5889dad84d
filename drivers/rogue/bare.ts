/**
 * The frame of every device-independent rogue: it touches no device at all, says `honest`, attacks, and says `attacked`
 * if it still can.
 *
 * Such a program attacks the kernel and its own compartment, so it runs on any device, behind any specification.
 */
import type { DeviceIo, DriverEntries } from '../../kernel/abi.ts';

export interface BareRogue {
  attack(): void;
  /** A timer that the attack itself set. */
  timer?(): void;
}

export function bare(io: DeviceIo, behaviour: BareRogue): DriverEntries {
  let hasAttacked = false;
  return {
    // Not here: who spawns a driver listens to it once `init` has returned.
    init: () => io.setTimer(0),
    timer() {
      if (hasAttacked) {
        behaviour.timer?.();
        return;
      }
      hasAttacked = true;
      io.send({ kind: 'honest' });
      behaviour.attack();
      io.send({ kind: 'attacked' });
    },
  };
}
