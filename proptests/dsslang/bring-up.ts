/** An e1000 ring brought up the way a driver does it, now and then with one thing wrong: it gets monitors deep into their states. */
import type { Random } from './random.ts';
import type { Event } from './event.ts';
import type { Subject } from './twins.ts';

const engines = {
  tx: { low: 0x3800, high: 0x3804, length: 0x3808, head: 0x3810, tail: 0x3818, control: 0x400 },
  rx: { low: 0x2800, high: 0x2804, length: 0x2808, head: 0x2810, tail: 0x2818, control: 0x100 },
} as const;

/** A device starts anew; with it the grants. */
export function startAnew(random: Random): Event[] {
  const plan: Event[] = [{ kind: 'reset' }];
  for (let index = 1; index <= 12; index += 1)
    plan.push({
      kind: 'grant',
      address: index * 2 ** 20 * random.pick([1, 5000]),
      length: random.pick([4096, 65536, 1024]),
      purposes: random.pick([1, 3, 7, 2, 4, 6]),
    });
  return plan;
}

/** A ring brought up the way a driver does it, now and then with one thing wrong. */
export function bringUp(random: Random, twins: Pick<Subject, 'grants'>, now: number): Event[] {
  const registers = engines[random.pick(['tx', 'rx'] as const)];
  const commands = twins.grants.filter((each) => (each.purposes & 1) !== 0 && each.length >= 128);
  const place = commands.length === 0 ? { base: 65536, length: 4096 } : random.pick(commands);
  const base = Math.ceil(place.base / 16) * 16;
  const entries = Math.max(8, Math.min(64, Math.floor((place.length - 16) / 128) * 8));
  const write = (offset: number, value: number): Event => ({
    kind: 'write', space: 0, offset, width: 4, lo: value >>> 0, hi: 0, now,
  }); // prettier-ignore
  // Mostly nothing or little is published at a time: what is published must be good, and memory is random.
  const head = random.below(entries);
  const ahead = (): number => (head + random.pick([0, 0, 0, 0, 1, 1, 2, random.below(entries)])) % entries;
  const events = [
    write(registers.control, 0),
    write(registers.low, base >>> 0),
    write(registers.high, Math.floor(base / 2 ** 32)),
    write(registers.length, entries * 16),
    write(registers.head, head),
    write(registers.tail, ahead()),
    write(registers.control, 2),
    // What a running engine does: publish a few, look how far the device is, publish more.
    write(registers.tail, ahead()),
    write(registers.tail, ahead()),
    { kind: 'report', space: 0, offset: registers.head, width: 4, lo: random.below(entries + 1), hi: 0, now },
    write(registers.tail, random.below(entries + 1)),
    { kind: 'store', address: base + random.below(entries * 16), length: random.pick([1, 16, 64]), now },
  ] satisfies Event[];
  if (random.oneIn(4)) events.splice(random.below(events.length), 1);
  return events;
}
