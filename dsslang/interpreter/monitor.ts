/**
 * The interpreter behind the interface of an emitted monitor: what tests compare emitted code with.
 */
import { initialState, step } from '../interpreter.ts';
import type { Program } from '../ir.ts';
import { monitorInfo } from '../monitor-info.ts';
import {
  ALL_POOLS,
  type DescriptorMemory,
  type Monitor,
  type MonitorInfo,
  type Space,
  type Verdict,
} from '../runtime.ts';
import type { Operation, State } from './state.ts';

export class InterpretedMonitor implements Monitor {
  readonly info: MonitorInfo;
  readonly #program: Program;
  readonly #memory: DescriptorMemory;
  #state: State;
  #value = 0n;

  constructor(program: Program, memory: DescriptorMemory) {
    this.info = monitorInfo(program);
    this.#program = program;
    this.#memory = memory;
    this.#state = initialState(program);
  }

  get state(): State {
    return this.#state;
  }

  #step(operation: Operation): Verdict {
    const outcome = step(this.#program, this.#state, operation, this.#memory);
    this.#state = outcome.state;
    this.#value = outcome.value;
    return outcome.verdict;
  }

  read(space: Space, offset: number, width: number, nowUs: number): Verdict {
    return this.#step({ kind: 'read', space, offset, width, now: BigInt(nowUs) });
  }

  report(space: Space, offset: number, width: number, lo: number, hi: number, nowUs: number): Verdict {
    return this.#step({ kind: 'report', space, offset, width, value: wide(lo, hi), now: BigInt(nowUs) });
  }

  write(space: Space, offset: number, width: number, lo: number, hi: number, nowUs: number): Verdict {
    return this.#step({ kind: 'write', space, offset, width, value: wide(lo, hi), now: BigInt(nowUs) });
  }

  store(address: number, length: number, nowUs: number, pools = ALL_POOLS): Verdict {
    const place = { address: BigInt(address), length: BigInt(length) };
    return this.#step({ kind: 'store', ...place, pools, now: BigInt(nowUs) });
  }

  grant(address: number, length: number, purposes: number): Verdict {
    return this.#step({ kind: 'grant', address: BigInt(address), length: BigInt(length), purposes });
  }

  interrupt(nowUs: number): Verdict {
    return this.#step({ kind: 'interrupt', now: BigInt(nowUs) });
  }

  check(nowUs: number): Verdict {
    return this.#step({ kind: 'check', now: BigInt(nowUs) });
  }

  place(bar: number, address: number, length: number): Verdict {
    return this.#step({ kind: 'place', bar, address: BigInt(address), length: BigInt(length) });
  }

  tick(nowUs: number): Verdict {
    return this.#step({ kind: 'tick', now: BigInt(nowUs) });
  }

  valueLo(): number {
    return Number(BigInt.asUintN(32, this.#value));
  }

  valueHi(): number {
    return Number(this.#value >> 32n);
  }

  reset(): void {
    this.#state = { ...initialState(this.#program), bars: this.#state.bars };
  }

  states(): number[] {
    const { scalars, arrays } = this.#state;
    return this.#program.machines.map(({ scalar, array }) =>
      Number((array === undefined ? scalars[scalar] : arrays[array.id]?.[array.element]) ?? 0n),
    );
  }

  snapshot(): bigint[] {
    return [...this.#state.scalars, ...this.#state.arrays.flat()];
  }
}

function wide(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
