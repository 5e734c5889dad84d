/**
 * The device's interrupt line, from the device's machine to the guest's, with the guest's time to deal with it.
 *
 * The anti-livelock rule (Nexus, OSDI'08) protects the host from a driver that is entered again and again. A guest can
 * starve nobody but itself, so what is left of the rule is this: a line that stays up for the whole of the driver's time
 * without being dealt with is a violation; one that falls was acknowledged or masked, and nothing is left to prove. The
 * time is the specification's, times `PATIENCE`: the guest's processor is emulated, and shares this machine.
 *
 * What the device has written follows its interrupt, while the guest still wakes up. On PCI an interrupt line is beside the bus
 * and pushes no data ahead of it, so a driver reads a register of its device before it believes memory, and no register is
 * read in between. One that looks at memory too early anyhow leaves the line up, and is asked again.
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
  /** Carries what the device has written to the guest; each time that the line was raised. */
  readonly carry: () => void;
}

export interface GuestInterrupts {
  edge(level: 0 | 1): void;
  /** The device was withdrawn, or the machines end. */
  silence(): void;
  /** Edges that reached the guest. */
  readonly delivered: number;
}

export function createGuestInterrupts(options: GuestInterruptOptions): GuestInterrupts {
  const { deadlineUs, raise, check, setLine, carry } = options;
  const patienceMs = deadlineUs === undefined ? Infinity : (deadlineUs / 1000) * PATIENCE;
  let delivered = 0;
  let up = false;
  /** When the line rose; undefined while there is nothing to ask about. */
  let risenAt: number | undefined;
  /** Serves many interrupts, since to set and to clear one for each costs as much as all else that is done for it. */
  let timer: NodeJS.Timeout | undefined;

  function fall(): void {
    risenAt = undefined;
    if (up) setLine(0);
    up = false;
  }

  function askAfter(ms: number): void {
    timer = setTimeout(() => {
      timer = undefined;
      if (risenAt === undefined) return;
      const leftMs = risenAt + patienceMs - performance.now();
      if (leftMs > 0) return askAfter(leftMs);
      risenAt = undefined;
      check();
    }, ms);
  }

  return {
    edge: (level) => {
      if (level === 0) return fall();
      if (up || !raise()) return;
      up = true;
      delivered += 1;
      setLine(1);
      carry();
      if (patienceMs === Infinity) return;
      risenAt = performance.now();
      if (timer === undefined) askAfter(patienceMs);
    },
    silence: () => {
      clearTimeout(timer);
      timer = undefined;
      fall();
    },
    get delivered() {
      return delivered;
    },
  };
}
