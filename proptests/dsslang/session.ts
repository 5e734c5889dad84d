/**
 * One recorded run of an emitted JavaScript monitor, to be judged again by the C monitor: the same operations, the same
 * memory. While `interpreted` is there, every operation is put to the interpreter as well.
 */
import { InterpretedMonitor, type Monitor, type MonitorModule, type Program } from '../../dsslang/index.ts';
import type { RandomMemory, SharedMemory } from './memory.ts';
import { Recording, type NativeMonitor } from './native.ts';
import { apply, type Event } from './event.ts';

interface Outcome {
  readonly verdict: number;
  readonly delivered: bigint;
  /** Where the state changed. */
  readonly variables: readonly bigint[] | undefined;
  readonly states: readonly number[] | undefined;
}

const carriesValue = (event: Event): boolean => event.kind === 'write' || event.kind === 'report';

const outcomeText = ({ verdict, delivered, variables, states }: Outcome): string =>
  `${verdict} ${delivered} [${variables?.join(' ') ?? ''}] (${states?.join(' ') ?? ''})`;

export class Session<Memory extends SharedMemory = RandomMemory> {
  readonly program: Program;
  readonly memory: Memory;
  readonly emitted: Monitor;
  snapshot: readonly bigint[];
  grants: { base: number; length: number; purposes: number }[] = [];
  denied = 0;
  /** Operations allowed with a note. */
  noted = 0;
  /** Operations that the interpreter judged too. */
  interpretations = 0;
  readonly verdicts = new Set<number>();
  readonly #interpreted: InterpretedMonitor | undefined;
  readonly #recording = new Recording();
  readonly #events: Event[] = [];
  readonly #outcomes: Outcome[] = [];
  readonly #maxima: readonly bigint[];

  /** @param interpret put the operations to the interpreter too */
  constructor(program: Program, module: MonitorModule, memory: Memory, interpret: boolean) {
    this.program = program;
    this.memory = memory;
    this.emitted = module.createMonitor(memory);
    this.#interpreted = interpret ? new InterpretedMonitor(program, memory) : undefined;
    this.snapshot = this.emitted.snapshot();
    this.#maxima = [
      ...program.scalars.map(({ max }) => max),
      ...program.arrays.flatMap(({ max, count }) => Array.from({ length: count }, () => max)),
    ];
  }

  get length(): number {
    return this.#events.length;
  }

  /** @returns the verdict @throws Error when interpreter and emitted JavaScript differ */
  step(event: Event): number {
    this.#events.push(event);
    const verdict = apply(this.emitted, event);
    const after = this.emitted.snapshot();
    const changed = after.some((value, index) => value !== this.snapshot[index]);
    const delivered =
      verdict < 0 && carriesValue(event)
        ? (BigInt(this.emitted.valueHi()) << 32n) | BigInt(this.emitted.valueLo())
        : 0n;
    const outcome = {
      verdict,
      delivered,
      variables: changed ? after : undefined,
      states: changed ? this.emitted.states() : undefined,
    };
    this.#outcomes.push(outcome);
    if (this.#interpreted !== undefined) this.#compareWithMeaning(this.#interpreted, event, outcome);
    this.memory.tell(this.#recording);
    this.#recording.event(event);
    this.verdicts.add(verdict);
    if (verdict > 0) this.denied += 1;
    if (verdict < 0) this.noted += 1;
    if (verdict <= 0 && event.kind === 'grant')
      this.grants.push({ base: event.address, length: event.length, purposes: event.purposes });
    if (event.kind === 'reset') this.grants = [];
    if (!changed) return verdict;
    const over = after.findIndex((value, index) => value > (this.#maxima[index] ?? 0n));
    if (over !== -1)
      throw new Error(
        `${this.emitted.info.variables[over] ?? '?'} is beyond its maximum: ${this.#at(this.length - 1)}`,
      );
    if (verdict > 0) throw new Error(`a denied operation changed the state: ${this.#at(this.length - 1)}`);
    this.snapshot = after;
    return verdict;
  }

  #compareWithMeaning(interpreted: InterpretedMonitor, event: Event, outcome: Outcome): void {
    this.interpretations += 1;
    const verdict = apply(interpreted, event);
    const after = interpreted.snapshot();
    const changed = after.some((value, index) => value !== this.snapshot[index]);
    const delivered =
      verdict < 0 && carriesValue(event) ? (BigInt(interpreted.valueHi()) << 32n) | BigInt(interpreted.valueLo()) : 0n;
    const meant = {
      verdict,
      delivered,
      variables: changed ? after : undefined,
      states: changed ? interpreted.states() : undefined,
    };
    if (outcomeText(meant) !== outcomeText(outcome))
      throw new Error(`meant ${outcomeText(meant)}\nJavaScript ${outcomeText(outcome)}\n${this.#at(this.length - 1)}`);
  }

  #at(index: number): string {
    return `operation ${index} ${JSON.stringify(this.#events[index])}\n of ${this.emitted.info.variables.join(' ')}\n at ${this.snapshot.join(' ')}`;
  }

  /** Puts the recording to the C monitor and compares every verdict, delivered value, variable and state. @throws Error where they differ */
  compareWith(native: NativeMonitor): void {
    let index = 0;
    for (const { verdict, delivered, variables, states } of native.judge(this.#recording)) {
      const expected = this.#outcomes[index];
      const same =
        expected !== undefined &&
        verdict === expected.verdict &&
        delivered === expected.delivered &&
        (variables === undefined) === (expected.variables === undefined) &&
        (variables === undefined || variables.every((value, at) => value === expected.variables?.[at])) &&
        (states === undefined || states.every((state, at) => state === expected.states?.[at]));
      if (!same) {
        const actual = outcomeText({
          verdict,
          delivered,
          variables: variables && [...variables],
          states: states && [...states],
        });
        throw new Error(
          `JavaScript ${expected === undefined ? 'nothing' : outcomeText(expected)}\nC ${actual}\n${this.#at(index)}`,
        );
      }
      index += 1;
    }
    if (index !== this.length) throw new Error(`the C monitor judged ${index} of ${this.length} operations`);
  }
}
