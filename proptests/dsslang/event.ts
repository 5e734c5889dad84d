/** One event as a monitor hears of it, as data: what the runs that compare monitors are made of. */
import type { Monitor } from '../../dsslang/index.ts';
import type { Width } from '../../dsslang/runtime.ts';

export type Event =
  | {
      readonly kind: 'read';
      readonly space: number;
      readonly offset: number;
      readonly width: Width;
      readonly now: number;
    }
  | {
      readonly kind: 'report' | 'write';
      readonly space: number;
      readonly offset: number;
      readonly width: Width;
      readonly lo: number;
      readonly hi: number;
      readonly now: number;
    }
  | { readonly kind: 'store'; readonly address: number; readonly length: number; readonly now: number }
  | { readonly kind: 'grant'; readonly address: number; readonly length: number; readonly purposes: number }
  | { readonly kind: 'place'; readonly bar: number; readonly address: number; readonly length: number }
  | { readonly kind: 'interrupt' | 'check' | 'tick'; readonly now: number }
  | { readonly kind: 'reset' };

export function apply(monitor: Monitor, event: Event): number {
  switch (event.kind) {
    case 'read':
      return monitor.read(event.space, event.offset, event.width, event.now);
    case 'report':
      return monitor.report(event.space, event.offset, event.width, event.lo, event.hi, event.now);
    case 'write':
      return monitor.write(event.space, event.offset, event.width, event.lo, event.hi, event.now);
    case 'store':
      return monitor.store(event.address, event.length, event.now);
    case 'grant':
      return monitor.grant(event.address, event.length, event.purposes);
    case 'interrupt':
      return monitor.interrupt(event.now);
    case 'check':
      return monitor.check(event.now);
    case 'tick':
      return monitor.tick(event.now);
    case 'place':
      return monitor.place(event.bar, event.address, event.length);
    case 'reset':
      monitor.reset();
      return 0;
  }
}
