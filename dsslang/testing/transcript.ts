/**
 * Transcripts: what is done to a monitor and what it says, in lines that read without a key. `docs/language.md` is made of
 * them, and its test runs every one.
 *
 * ```
 * write POWER = 1                              allowed
 * write BRIGHT = 250                           refused: the lamp burns out above 200
 * read STATUS gives 5                          allowed
 * write port[2].CI = 1                         allowed
 * write regs+0x10 = 1 (8 bits)                 refused: ...
 * grant 0x1000 size 4K for commands, reads     allowed
 * bar 0 at 0x8000 size 4K                      allowed
 * grant 0x3000 size 4K for commands of nodes   allowed      (memory of a pool begins filled)
 * store 0x1000 size 8                          allowed
 * store 0x3000: u32 1, u32 2                   allowed      (with what is stored; it is then in memory)
 * interrupt                                    allowed      (also `check`, `tick`)
 * memory 0x1000: u64 0x4000, u16 256           (what a driver has laid there; no verdict)
 * wait 10ms
 * reset
 * ```
 * A verdict is `allowed`, `refused: REASON` or `noted: REASON`, for a clamp with `, becomes VALUE`; two spaces before it.
 */
import type { Program } from '../ir.ts';
import { integerValue } from '../parser/leaves.ts';
import { GRANT_COMMANDS, GRANT_READS, GRANT_WRITES, type Monitor, type Width } from '../runtime.ts';

export interface Line {
  readonly operation: string;
  /** Absent if the line has none. */
  readonly verdict: string | undefined;
}

export function readTranscript(text: string): Line[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [, operation = line, verdict] = /^(.*?) {2,}((?:allowed|refused: .*|noted: .*))$/.exec(line) ?? [];
      return { operation, verdict };
    });
}

const number = (text: string): number => Number(integerValue(text));
const NUMBER = '(0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9_]+(?:K|M|G|us|ms|s)?)';
const purposes: Readonly<Record<string, number>> = {
  commands: GRANT_COMMANDS,
  reads: GRANT_READS,
  writes: GRANT_WRITES,
};

const NO_STORE = { address: 0, bytes: new Uint8Array(0), done: false };

/** Little-endian fields, one behind the other: `u32 0x8000, u16 1`. */
function fieldBytes(text: string): Uint8Array {
  return Uint8Array.from(
    text.split(', ').flatMap((field) => {
      const [, bits = '', value = ''] = new RegExp(`^u(8|16|32|64) ${NUMBER}$`).exec(field) ?? [];
      if (bits === '') throw new Error(`no such field: ${field}`);
      return Array.from({ length: Number(bits) / 8 }, (_, byte) =>
        Number((integerValue(value) >> BigInt(8 * byte)) & 0xffn),
      );
    }),
  );
}

/** Where a transcript's accesses go: memory with what a driver has laid there, and a clock. */
export class Bench {
  readonly memory = new Uint8Array(1 << 20);
  readonly fetch = (address: number, length: number, target: Uint8Array, at: number): boolean => {
    if (address + length > this.memory.length) return false;
    target.set(this.memory.subarray(address, address + length), at);
    return true;
  };
  readonly stored = (address: number, length: number, target: Uint8Array, at: number): boolean => {
    if (!this.fetch(address, length, target, at)) return false;
    this.#store.bytes.forEach((byte, index) => {
      const into = this.#store.address + index - address;
      if (into >= 0 && into < length) target[at + into] = byte;
    });
    return true;
  };
  now = 0;
  readonly #program: Program;
  /** The store being judged, by one monitor after the other; done before the next line if it was allowed. */
  #store: { address: number; bytes: Uint8Array; done: boolean } = NO_STORE;

  constructor(program: Program) {
    this.#program = program;
  }

  /**
   * Carries out one line on `monitor`.
   * @returns the verdict in words; undefined for what has none
   * @throws Error if the line is none
   */
  run(operation: string, monitor: Monitor): string | undefined {
    const words = (verdict: number, delivered = true): string => this.#words(verdict, monitor, delivered);
    let match = new RegExp(`^write (\\S+) = ${NUMBER}(?: \\((8|16|32|64) bits\\))?$`).exec(operation);
    if (match !== null) {
      const [, name = '', value = '0', bits] = match;
      const { space, offset, width } = this.#place(name);
      const whole = integerValue(value);
      const [low, high] = [Number(whole & 0xffff_ffffn), Number(whole >> 32n)];
      const size = bits === undefined ? width : ((Number(bits) / 8) as Width);
      return words(monitor.write(space, offset, size, low, high, this.now));
    }
    match = new RegExp(`^read (\\S+?)(?: gives ${NUMBER})?(?: \\((8|16|32|64) bits\\))?$`).exec(operation);
    if (match !== null) {
      const [, name = '', value, bits] = match;
      const { space, offset, width } = this.#place(name);
      const size = bits === undefined ? width : ((Number(bits) / 8) as Width);
      const read = monitor.read(space, offset, size, this.now);
      if (read !== 0 || value === undefined) return words(read, false);
      const whole = integerValue(value);
      const [low, high] = [Number(whole & 0xffff_ffffn), Number(whole >> 32n)];
      return words(monitor.report(space, offset, size, low, high, this.now));
    }
    match = new RegExp(`^grant ${NUMBER} size ${NUMBER} for ([a-z, ]+?)(?: of (\\w+))?$`).exec(operation);
    if (match !== null) {
      const [, address = '', size = '', what = '', poolName] = match;
      const pool = monitor.info.pools.find(({ name }) => name === poolName);
      const mask = what.split(', ').reduce((sum, each) => sum | (purposes[each] ?? 0), pool?.purpose ?? 0);
      const verdict = monitor.grant(number(address), number(size), mask);
      if (verdict === 0 && pool !== undefined)
        for (let at = 0; at < number(size); at += 1) this.memory[number(address) + at] = pool.filled >>> (8 * (at % 4));
      return words(verdict, false);
    }
    match = new RegExp(`^store ${NUMBER}: (.+)$`).exec(operation);
    if (match !== null) {
      const [address, bytes] = [number(match[1] ?? '0'), fieldBytes(match[2] ?? '')];
      this.#store = { address, bytes, done: false };
      const verdict = monitor.store(address, bytes.length, this.now);
      this.#store.done = verdict <= 0;
      return words(verdict, false);
    }
    match = new RegExp(`^bar ([0-5]) at ${NUMBER} size ${NUMBER}$`).exec(operation);
    if (match !== null) {
      const [, bar = '', address = '', size = ''] = match;
      return words(monitor.place(Number(bar), number(address), number(size)), false);
    }
    match = new RegExp(`^store ${NUMBER} size ${NUMBER}$`).exec(operation);
    if (match !== null) {
      const [, address = '', size = ''] = match;
      return words(monitor.store(number(address), number(size), this.now), false);
    }
    match = /^(interrupt|check|tick)$/.exec(operation);
    if (match !== null) return words(monitor[match[1] as 'interrupt' | 'check' | 'tick'](this.now), false);
    if (operation === 'reset') return monitor.reset() as undefined;
    throw new Error(`no such operation: ${operation}`);
  }

  /** What happens to the memory or the clock, not to the monitor. @returns false if the line is something else */
  prepare(operation: string): boolean {
    const wait = new RegExp(`^wait ${NUMBER}$`).exec(operation);
    if (wait !== null) this.now += number(wait[1] ?? '0');
    if (this.#store.done) this.memory.set(this.#store.bytes, this.#store.address);
    this.#store = NO_STORE;
    const memory = new RegExp(`^memory ${NUMBER}: (.+)$`).exec(operation);
    if (memory !== null) this.memory.set(fieldBytes(memory[2] ?? ''), number(memory[1] ?? '0'));
    return wait !== null || memory !== null;
  }

  /** `CTRL`, `MTA[3]`, `port[2].CI`, `regs+0x10`. */
  #place(name: string): { space: number; offset: number; width: Width } {
    const raw = new RegExp(`^([A-Za-z_]\\w*)\\+${NUMBER}$`).exec(name);
    if (raw !== null) {
      const region = this.#program.regions.find((each) => each.name === raw[1]);
      if (region === undefined) throw new Error(`no region ${name}`);
      return { space: region.space, offset: region.base + number(raw[2] ?? '0'), width: 4 };
    }
    const index = Number(/\[(\d+)\]/.exec(name)?.[1] ?? 0);
    const plain = name.replace(/\[\d+\]/, '');
    const register = this.#program.registers.find((each) => each.name === plain);
    if (register !== undefined)
      return { space: register.space, offset: register.offset + index * register.stride, width: register.width };
    const window = this.#program.windows.find((each) => each.name === plain);
    if (window === undefined) throw new Error(`no register ${name}`);
    return window;
  }

  #words(verdict: number, monitor: Monitor, delivered: boolean): string {
    if (verdict === 0) return 'allowed';
    const rule = monitor.info.rules[Math.abs(verdict)];
    const reason = rule?.reason ?? '?';
    if (verdict > 0) return `refused: ${reason}`;
    return `noted: ${reason}${delivered && rule?.action === 'clamp' ? `, becomes ${monitor.valueLo()}` : ''}`;
  }
}
