/**
 * Random operations that know the program and its present state: registers and the bytes beside them, values that the
 * variables hold and their neighbours, ends of grants, entries of rings, the program's own constants.
 */
import type { NumberExpr, Program } from '../../dsslang/ir.ts';
import type { Width } from '../../dsslang/runtime.ts';
import type { Random } from './random.ts';
import type { Event } from './event.ts';
import type { Subject } from './twins.ts';

const widths: readonly Width[] = [1, 2, 4, 8];

/** Every constant that the program compares with or computes with. */
export function constantsOf(program: Program): readonly bigint[] {
  const found = new Set<bigint>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const node = value as Partial<NumberExpr>;
    if (node.op === 'const' && node.value !== undefined) found.add(node.value);
    for (const each of Object.values(value)) visit(each);
  };
  visit([program.registers.map((each) => [each.write, each.read, each.report]), program.store, program.interrupt]);
  return [...found];
}

export class EventSource {
  readonly #twins: Subject;
  readonly #random: Random;
  readonly #constants: readonly bigint[];
  now = 0;

  constructor(twins: Subject, random: Random) {
    this.#twins = twins;
    this.#random = random;
    this.#constants = constantsOf(twins.program);
  }

  value(): bigint {
    const random = this.#random;
    const near = BigInt(random.below(3)) - 1n;
    const word = (value: bigint): bigint => BigInt.asUintN(64, value);
    switch (random.below(8)) {
      case 0:
      case 1: {
        const scalar = random.pick(this.#twins.snapshot.length === 0 ? [0n] : this.#twins.snapshot);
        return word(scalar * random.pick([1n, 1n, 16n, 8n]) + near);
      }
      case 2:
        return word(random.pick(this.#constants.length === 0 ? [1n] : this.#constants) + near);
      case 3:
        return word(BigInt(this.#place()) >> random.pick([0n, 0n, 32n]));
      case 4:
        return BigInt(random.below(20));
      default:
        return random.bits(random.pick([4, 8, 16, 32, 53, 64]));
    }
  }

  /** An address in, at the end of, or just beside something granted. */
  #place(): number {
    const random = this.#random;
    const grants = this.#twins.grants;
    if (grants.length === 0 || random.oneIn(8)) return Number(random.bits(52));
    const { base, length } = random.pick(grants);
    return Math.max(0, random.pick([base, base + length, base + random.below(length)]) + random.below(3) - 1);
  }

  #access(): { space: number; offset: number; width: Width } {
    const random = this.#random;
    const { registers, areas, windows, regions } = this.#twins.program;
    const beside = (): number => (random.oneIn(12) ? random.below(5) - 2 : 0);
    switch (random.below(10)) {
      case 0: {
        const area = areas.length === 0 ? undefined : random.pick(areas);
        if (area === undefined) break;
        const edge = random.pick([0, area.sizeBytes - 4, area.sizeBytes, random.below(area.sizeBytes)]);
        return { space: area.space, offset: Math.max(0, area.offset + edge + beside()), width: random.pick(widths) };
      }
      case 1: {
        const window = windows.length === 0 ? undefined : random.pick(windows);
        if (window === undefined) break;
        return {
          space: window.space,
          offset: Math.max(0, window.offset + beside()),
          width: random.oneIn(9) ? random.pick(widths) : window.width,
        };
      }
      case 2: {
        if (!random.oneIn(4)) break;
        const region = random.pick(regions);
        const width = random.pick(widths);
        return {
          space: region.space,
          offset: region.base + Math.max(0, random.below(region.sizeBytes + 8) - 4),
          width,
        };
      }
      case 3:
        if (random.oneIn(8)) return { space: random.below(9), offset: random.below(8192), width: random.pick(widths) };
    }
    const register = random.pick(registers);
    const element = random.oneIn(20) ? register.count : random.below(register.count);
    const width = random.oneIn(12) ? random.pick(widths) : random.pick(register.accessWidths);
    return {
      space: register.space,
      offset: Math.max(0, register.offset + element * register.stride + beside()),
      width,
    };
  }

  #halves(width: Width): { lo: number; hi: number } {
    const value = BigInt.asUintN(width * 8, this.value());
    return { lo: Number(value & 0xffff_ffffn), hi: Number(value >> 32n) };
  }

  /** A store near what a ring's base may point at. */
  #store(): Event {
    const random = this.#random;
    const bases = this.#twins.snapshot.filter((value) => value >= 4096n && value < 2n ** 51n);
    const base = bases.length === 0 || random.oneIn(3) ? this.#place() : Number(random.pick(bases));
    const address = Math.max(
      0,
      base + random.pick([0, 1, 15, 16, 17, random.below(600), -random.below(40)]) + random.below(3) - 1,
    );
    const length = random.pick([1, 2, 4, 8, 16, 17, 32, 64, 600, 0, random.below(5000)]);
    return { kind: 'store', address, length, now: this.now };
  }

  next(): Event {
    const random = this.#random;
    this.now += random.pick([0, 1, 10, 100, 1000, 20000, random.below(2_000_000)]);
    if (random.oneIn(50)) this.#twins.memory.epoch += 1;
    const draw = random.below(100);
    if (draw < 45) return this.#withValue('write');
    if (draw < 60) return { kind: 'read', ...this.#access(), now: this.now };
    if (draw < 75) return this.#withValue('report');
    if (draw < 87) return this.#store();
    if (draw < 90) return this.#grant();
    if (draw < 95)
      return { kind: 'interrupt', now: random.oneIn(30) ? Math.max(0, this.now - random.below(1000)) : this.now };
    if (draw < 97) return { kind: 'check', now: this.now };
    if (draw < 98) return { kind: 'tick', now: this.now };
    if (draw < 99) return this.#bar();
    return random.oneIn(40) ? { kind: 'reset' } : { kind: 'check', now: this.now };
  }

  /** A value has the width of its access: that is the kernel's side of the bargain (runtime.ts). */
  #withValue(kind: 'write' | 'report'): Event {
    const access = this.#access();
    return { kind, ...access, ...this.#halves(access.width), now: this.now };
  }

  /** A BAR comes, goes, or would lie over a grant. */
  #bar(): Event {
    const random = this.#random;
    const address = random.oneIn(3) ? this.#place() : 2 ** 40 + random.below(64) * 65536;
    return { kind: 'place', bar: random.below(7), address, length: random.pick([0, 4096, 65536, 2 ** 20]) };
  }

  #grant(): Event {
    const random = this.#random;
    const base = random.oneIn(3) ? this.#place() : (1 + random.below(4096)) * 65536 * random.pick([1, 1, 1, 2 ** 20]);
    const length = random.pick([16, 64, 4096, 65536, 1, 0, random.below(100000)]);
    return { kind: 'grant', address: base, length, purposes: random.pick([1, 2, 4, 3, 7, 6, 0, 9, 25, 255]) };
  }
}
