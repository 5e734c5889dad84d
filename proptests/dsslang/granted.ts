/** A session of random events on a device whose memory is granted first, after every reset too. */
import { EventSource } from './events.ts';
import type { Random } from './random.ts';
import type { Session } from './session.ts';
import type { Event } from './event.ts';

const GRANT_BYTES = 0x1_0000;
const EVERY_PURPOSE = 7;

/** @param places where the device's walks look, each granted for everything */
export function driveGranted(session: Session, random: Random, length: number, places: readonly number[]): void {
  const source = new EventSource(session, random);
  const granted = places.map((address): Event => ({
    kind: 'grant',
    address,
    length: GRANT_BYTES,
    purposes: EVERY_PURPOSE,
  }));
  let plan = [...granted];
  while (session.length < length) {
    if (session.length % 16 === 0) session.memory.aim([0, ...session.grants.map((each) => each.base)]);
    const event = plan.shift() ?? source.next();
    session.step(event);
    if (event.kind === 'reset') plan = [...granted];
  }
}
