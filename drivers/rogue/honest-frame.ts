/**
 * What every rogue does around its one attack, whatever its device: it looks respectable, says `honest`, attacks, and says
 * `attacked` if it still can. So what refuses it is the rule against that attack, and not something earlier.
 */
import type { DeviceIo, DriverEntries } from '../../kernel/abi.ts';

export interface Attack<Rig> {
  /** The single attack, on a device that works. */
  attack(rig: Rig): void;
  /** Default: acknowledges, as an honest driver must. */
  interrupt?(rig: Rig): void;
  /** A timer that the attack itself set. */
  timer?(rig: Rig): void;
}

export function attackOnce<Rig extends { readonly io: DeviceIo }>(rig: Rig, behaviour: Attack<Rig>): void {
  rig.io.send({ kind: 'honest' });
  behaviour.attack(rig);
  rig.io.send({ kind: 'attacked' });
}

/** The honest part of a device that is up after one wait. */
export interface Honest {
  /** Asks the device to come up, and says how long that takes. */
  begin(): number;
  /** It has: puts it to work. */
  work(): void;
  acknowledge(): void;
}

/** A driver that is honest until its device works. */
export function attackWhenUp<Rig extends { readonly io: DeviceIo }>(
  rig: Rig,
  behaviour: Attack<Rig>,
  honest: Honest,
): DriverEntries {
  let isUp = false;
  return {
    init: () => rig.io.setTimer(honest.begin()),
    timer() {
      if (isUp) return behaviour.timer?.(rig);
      isUp = true;
      honest.work();
      attackOnce(rig, behaviour);
    },
    interrupt() {
      if (behaviour.interrupt === undefined) honest.acknowledge();
      else behaviour.interrupt(rig);
    },
  };
}
