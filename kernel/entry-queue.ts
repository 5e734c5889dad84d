/**
 * Runs the driver's entries one at a time, each inside a window that the watchdog sees.
 *
 * The window is open from before the first line of the entry until the promise jobs that it left behind have all run:
 * `setImmediate` comes only after them. So an endless chain of `then` is inside the window as an endless loop is, and
 * no code of the driver ever runs outside one: its compartment has no timers and nothing else that could call it back.
 */
import type { Control } from './control.ts';
import type { EntryName } from './fault.ts';

export interface EntryHooks {
  /** The entry threw, or a promise of it was rejected unheard. Runs inside the window: it may look at driver objects. */
  readonly threw: (entry: EntryName, thrown: unknown) => void;
  /** The window is about to close: time for the checks that follow each entry. */
  readonly ended: (entry: EntryName) => void;
}

export class EntryQueue {
  readonly #control: Control;
  readonly #hooks: EntryHooks;
  readonly #waiting: { readonly name: EntryName; readonly run: () => void }[] = [];
  #open: EntryName | undefined;
  #closed = false;

  constructor(control: Control, hooks: EntryHooks) {
    this.#control = control;
    this.#hooks = hooks;
  }

  /** The entry whose window is open. */
  get open(): EntryName | undefined {
    return this.#open;
  }

  /** Interrupts go before all else: the driver has little time to acknowledge them. */
  add(name: EntryName, run: () => void): void {
    if (this.#closed) return;
    if (name === 'interrupt') this.#waiting.unshift({ name, run });
    else this.#waiting.push({ name, run });
    if (this.#waiting.length === 1 && this.#open === undefined) setImmediate(() => this.#next());
  }

  /** No entry begins any more. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }

  #next(): void {
    if (this.#open !== undefined) return;
    const entry = this.#waiting.shift();
    if (entry === undefined) return;
    this.#open = entry.name;
    this.#control.openEntry(entry.name);
    setImmediate(() => this.#end(entry.name));
    try {
      entry.run();
    } catch (thrown) {
      this.#hooks.threw(entry.name, thrown);
    }
  }

  #end(name: EntryName): void {
    this.#hooks.ended(name);
    this.#control.closeEntry();
    this.#open = undefined;
    if (this.#waiting.length > 0) setImmediate(() => this.#next());
  }
}
