/**
 * The device's interrupt line, from the device's machine to the guest's, with the guest's time to deal with it.
 *
 * The anti-livelock rule (Nexus, OSDI'08) protects the host from a driver that is entered again and again. A guest can
 * starve nobody but itself, so what is left of the rule is this: a line that stays up for the whole of the driver's time
 * without being dealt with is a violation; one that falls was acknowledged or masked, and nothing is left to prove. The
 * time is the specification's, times `PATIENCE`: the guest's processor is emulated, and shares this machine.
 */

/** Measured on a machine with two processors and a load of eight: an interrupt handler of the guest began 0.9 s late. */
export const PATIENCE = 50;

export interface GuestInterruptOptions {
  /** The specification's deadline; undefined: none. */
  readonly deadlineUs: number | undefined;
  /** Asks the monitor's leave; false: not delivered. */
  readonly raise: () => boolean;
  readonly check: () => void;
  readonly setLine: (level: 0 | 1) => void;
}

export interface GuestInterrupts {
  edge(level: 0 | 1): void;
  /** The device was withdrawn, or the machines end. */
  silence(): void;
  /** Edges that reached the guest. */
  readonly delivered: number;
}

export function createGuestInterrupts({ deadlineUs, raise, check, setLine }: GuestInterruptOptions): GuestInterrupts {
  let delivered = 0;
  let up = false;
  let timer: NodeJS.Timeout | undefined;

  function fall(): void {
    clearTimeout(timer);
    timer = undefined;
    if (up) setLine(0);
    up = false;
  }

  return {
    edge: (level) => {
      if (level === 0) return fall();
      if (up || !raise()) return;
      up = true;
      delivered += 1;
      setLine(1);
      if (deadlineUs !== undefined) timer = setTimeout(check, (deadlineUs / 1000) * PATIENCE);
    },
    silence: fall,
    get delivered() {
      return delivered;
    },
  };
}
