/**
 * Twins: the interpreter and the emitted JavaScript of one program, driven by the same operations over the same memory.
 * After every operation both must give the same verdict and be in the same state.
 */
import { emitJs, InterpretedMonitor, type MonitorModule, type Monitor, type Program } from '../../dsslang/index.ts';
import { load } from '../../dsslang/testing.ts';
import { apply, type Event } from './event.ts';
import type { RandomMemory } from './memory.ts';

/** What a generator of events knows of those whom it drives. */
export interface Subject {
  readonly program: Program;
  readonly memory: RandomMemory;
  /** The state after the last operation. */
  readonly snapshot: readonly bigint[];
  /** Live grants. */
  readonly grants: readonly { readonly base: number; readonly length: number; readonly purposes: number }[];
}

export class Twins implements Subject {
  readonly program: Program;
  readonly interpreted: InterpretedMonitor;
  readonly emitted: Monitor;
  readonly memory: RandomMemory;
  /** The state after the last operation. */
  snapshot: readonly bigint[];
  /** Live grants, as the generator of events wants to know them. */
  grants: { base: number; length: number; purposes: number }[] = [];
  denied = 0;
  lastVerdict = 0;
  events = 0;
  readonly #maxima: readonly bigint[];

  private constructor(program: Program, module: MonitorModule, memory: RandomMemory) {
    this.program = program;
    this.memory = memory;
    this.interpreted = new InterpretedMonitor(program, memory);
    this.emitted = module.createMonitor(memory);
    this.snapshot = this.interpreted.snapshot();
    this.#maxima = [
      ...program.scalars.map(({ max }) => max),
      ...program.arrays.flatMap(({ max, count }) => Array.from({ length: count }, () => max)),
    ];
  }

  static async of(program: Program, memory: RandomMemory): Promise<Twins> {
    return new Twins(program, await load(emitJs(program)), memory);
  }

  /** Applies one operation to both. @returns what differs, or undefined */
  step(event: Event): string | undefined {
    this.events += 1;
    const expected = apply(this.interpreted, event);
    const actual = apply(this.emitted, event);
    this.lastVerdict = expected;
    const before = this.snapshot;
    this.snapshot = this.interpreted.snapshot();
    if (expected > 0) this.denied += 1;
    else if (event.kind === 'grant')
      this.grants.push({ base: event.address, length: event.length, purposes: event.purposes });
    if (event.kind === 'reset') this.grants = [];
    const words = (): string =>
      `${JSON.stringify(event)}\n  before ${String(before)}\n  of     ${this.interpreted.info.variables.join(',')}`;
    if (expected !== actual) return `verdict ${expected} interpreted, ${actual} emitted: ${words()}`;
    const after = this.emitted.snapshot();
    const { variables } = this.interpreted.info;
    if (expected < 0 && (event.kind === 'write' || event.kind === 'report')) {
      for (const half of ['valueLo', 'valueHi'] as const) {
        const [wanted, given] = [this.interpreted[half](), this.emitted[half]()];
        if (wanted !== given) return `${half} ${wanted} interpreted, ${given} emitted: ${words()}`;
      }
    }
    for (const [index, value] of this.snapshot.entries()) {
      if (after[index] !== value) {
        return `${variables[index] ?? '?'} = ${value} interpreted, ${String(after[index])} emitted: ${words()}`;
      }
      const max = this.#maxima[index] ?? 0n;
      if (value < 0n || value > max) {
        return `${variables[index] ?? '?'} = ${value} is beyond its maximum ${max}: ${words()}`;
      }
      if (expected > 0 && value !== before[index]) return `a denied operation changed the state: ${words()}`;
    }
    return undefined;
  }
}
