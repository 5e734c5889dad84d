/**
 * Random programs of the calculus itself, with everything that it has: what no syntax need ever write, emitters must get
 * right. Every program keeps the calculus' own promises: each expression's `max` is an upper bound below 2^64, a difference
 * does not fall below zero, a divisor that is evaluated is not 0, an assignment fits, locals are defined before they are used.
 */
import type {
  Argument,
  Handler,
  Machine,
  NumberExpr,
  Program,
  Reaction,
  Register,
  Scalar,
  StateArray,
  Statement,
} from '../../dsslang/ir.ts';
import type { Rule, Width } from '../../dsslang/runtime.ts';
import { ProgramExpressions, type Scope } from './program-expressions.ts';
import type { Random } from './random.ts';

const maxOf = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
const BITS = [1, 3, 8, 9, 16, 31, 32, 33, 40, 52, 53, 54, 63, 64] as const;
/** What one operation may do at most is small, so that a campaign gets through many. */
const WALK_BOUND_MAX = 9;

export class ProgramSource {
  readonly #random: Random;
  readonly #rules: Rule[] = [];
  #locals = 0;
  #scalars: readonly Scalar[] = [];
  #arrays: readonly StateArray[] = [];
  #expressions: ProgramExpressions;

  constructor(random: Random) {
    this.#random = random;
    this.#expressions = new ProgramExpressions(random, [], [], []);
  }

  #rule(reason: string): number {
    this.#rules.push({
      reason,
      file: 'random.dss',
      line: this.#rules.length,
      column: 1,
      text: reason,
      action: 'fault',
    });
    return this.#rules.length - 1;
  }

  #times<T>(least: number, most: number, make: (index: number) => T): T[] {
    return Array.from({ length: least + this.#random.below(most - least + 1) }, (_, index) => make(index));
  }

  next(): Program {
    const random = this.#random;
    this.#rules.length = 0;
    this.#rule('placeholder');
    const variable = (name: string): Scalar => {
      const bits = random.pick(BITS);
      const max = random.oneIn(3) ? 1n + random.bits(bits) : maxOf(bits);
      const fitting = max > maxOf(bits) ? maxOf(bits) : max;
      return {
        name,
        bits,
        max: fitting,
        initial: random.oneIn(2) ? 0n : random.bits(bits) % (fitting + 1n),
        kind: 'variable',
      };
    };
    this.#scalars = [
      { name: 'engine', bits: 2, max: 2n, initial: 0n, kind: 'machine' },
      ...this.#times(2, 6, (index) => variable(`x${index}`)),
    ];
    this.#arrays = this.#times(0, 3, (index) => ({ ...variable(`xs.${index}`), count: random.pick([1, 2, 5, 8, 33]) }));
    const tables = this.#times(0, 2, (index) => ({
      name: `constants${index}`,
      entries: this.#times(1, 9, () => random.bits(random.pick([8, 16, 32, 53, 64]))),
    }));
    this.#expressions = new ProgramExpressions(random, this.#scalars, this.#arrays, tables);
    const machines: Machine[] = [{ name: 'engine', states: ['A', 'B', 'C'], scalar: 0 }];
    this.#arrays.forEach((array, id) => {
      if (array.max < 2n ** 32n)
        machines.push({
          name: `${array.name}[0]`,
          states: ['A', 'B'],
          scalar: 0,
          array: { id, element: array.count - 1 },
        });
    });
    const always = random.oneIn(2) ? [] : this.#body({ arguments: { now: maxOf(53) }, value: undefined }, 2);
    const event = (kinds: Partial<Record<Argument, bigint>>): Reaction =>
      random.oneIn(3) ? { handlers: [], otherwise: undefined } : this.#reaction({ arguments: kinds, value: undefined });
    const registers = this.#registers();
    return {
      device: 'random',
      documentation: '',
      specificationHash: '0'.repeat(64),
      pci: [],
      bars: [{ bar: 0, kind: 'memory', sizeBytes: 4096 }],
      regions: [
        { name: 'regs', space: 0, base: 0, sizeBytes: 4096, unlisted: this.#rule('unlisted register') },
        { name: 'pci', space: 6, base: 0, sizeBytes: 256, unlisted: this.#rule('unlisted configuration') },
      ],
      scalars: this.#scalars,
      arrays: this.#arrays,
      tables,
      machines,
      registers,
      areas: [
        {
          name: 'BUFFER', space: 0, offset: 2048, sizeBytes: 256, readable: true, writable: random.oneIn(2),
          rules: { read: this.#rule('area read'), write: this.#rule('area write') },
        },
        // Under the first registers, so that what they do not take falls to it.
        {
          name: 'UNDER', space: 0, offset: 4 * random.below(4), sizeBytes: 96, readable: random.oneIn(2), writable: random.oneIn(2),
          rules: { read: this.#rule('area under registers read'), write: this.#rule('area under registers write') },
        },
      ], // prettier-ignore
      windows: random.oneIn(2)
        ? []
        : [{ name: 'WINDOW', space: 6, offset: 64, width: 4, into: 0, selector: random.below(this.#scalars.length) }],
      rules: this.#rules,
      always,
      store: event({ now: maxOf(53), address: maxOf(53), length: maxOf(53) }),
      grant: event({ address: maxOf(52), length: maxOf(52), purposes: 7n }),
      interrupt: event({ now: maxOf(53) }),
      check: event({ now: maxOf(53) }),
      tick: event({ now: maxOf(53) }),
      builtin: {
        unknownSpace: this.#rule('unknown space'),
        badGrant: this.#rule('bad grant'),
        tooManyGrants: this.#rule('too many grants'),
        badBar: this.#rule('bad BAR'),
      },
      interruptPlan: undefined,
      progress: [],
      reset: [],
      invariants: [],
      pools: [],
    };
  }

  #registers(): Register[] {
    const random = this.#random;
    let offset = 0;
    return this.#times(3, 6, (number) => {
      const width: Width = random.pick([1, 2, 4, 8]);
      const count = random.oneIn(3) ? 1 + random.below(8) : 1;
      const stride = width * random.pick([1, 2]);
      offset = Math.ceil(offset / 8) * 8;
      const at = offset;
      offset += stride * count;
      const place = { now: maxOf(53), index: BigInt(count - 1), through: 1n };
      const withValue = { arguments: { ...place, value: maxOf(8 * width) }, value: maxOf(8 * width) };
      const trivial: Reaction = { handlers: [], otherwise: undefined };
      return {
        name: `R${number}`,
        space: 0,
        offset: at,
        count,
        stride,
        width,
        access: 'rw',
        accessWidths: [width],
        fields: [],
        reservedMask: random.oneIn(4) ? random.bits(8 * width) : 0n,
        readable: !random.oneIn(8),
        writable: !random.oneIn(8),
        write: random.oneIn(8) ? trivial : this.#reaction(withValue),
        read: random.oneIn(2) ? trivial : this.#reaction({ arguments: place, value: undefined }),
        report: random.oneIn(2) ? trivial : this.#reaction(withValue),
        rules: {
          width: this.#rule('width'), read: this.#rule('read'), write: this.#rule('write'), reserved: this.#rule('reserved'),
        },
      } satisfies Register; // prettier-ignore
    });
  }

  #reaction(given: Pick<Scope, 'arguments' | 'value'>): Reaction {
    const random = this.#random;
    const state = (value: bigint): Handler => ({
      guard: { op: 'eq', left: { op: 'scalar', scalar: 0, max: 2n }, right: { op: 'const', value, max: value } },
      body: this.#body(given, 3),
    });
    const otherwise = random.oneIn(2) ? this.#rule('otherwise') : undefined;
    if (random.oneIn(2))
      return { handlers: [{ guard: { op: 'bool', value: true }, body: this.#body(given, 3) }], otherwise };
    return { handlers: [0n, 1n, 2n].filter(() => !random.oneIn(3)).map(state), otherwise };
  }

  /** A body numbers its locals from 0. */
  #body(given: Pick<Scope, 'arguments' | 'value'>, depth: number): Statement[] {
    this.#locals = 0;
    return this.#statements({ ...given, locals: new Map(), walks: new Map() }, depth);
  }

  #statements(outer: Scope, depth: number): Statement[] {
    const scope: Scope = { ...outer, locals: new Map(outer.locals) };
    return this.#times(1, depth > 1 ? 4 : 2, () => this.#statement(scope, depth));
  }

  #statement(scope: Scope, depth: number): Statement {
    const random = this.#random;
    const e = this.#expressions;
    switch (random.below(depth > 0 ? 14 : 9)) {
      case 0:
        // Mostly true: what is denied at once leads nowhere.
        return {
          op: 'require',
          condition: random.oneIn(3)
            ? e.condition(scope, 2)
            : { op: 'any', of: [e.condition(scope, 1), e.condition(scope, 1), e.condition(scope, 1)] },
          rule: this.#rule('require'),
        };
      case 1:
        return { op: 'note', condition: e.condition(scope, 1), rule: this.#rule('note') };
      case 2:
        if (scope.value === undefined) break;
        return {
          op: 'clamp',
          condition: e.condition(scope, 1),
          rule: this.#rule('clamp'),
          value: e.atMost(scope.value, scope, 2),
        };
      case 3:
      case 4: {
        if (this.#arrays.length === 0) break;
        const array = random.below(this.#arrays.length);
        const value = e.atMost(this.#arrays[array]?.max ?? 0n, scope, 2);
        if (random.oneIn(4)) return { op: 'fill', array, value };
        const count = BigInt(this.#arrays[array]?.count ?? 1);
        return {
          op: 'setElement',
          array,
          index: random.oneIn(3) ? e.number(scope, 1) : e.atMost(count, scope, 1),
          value,
        };
      }
      case 5: {
        const value = e.number(scope, 2);
        this.#locals += 1;
        scope.locals.set(this.#locals - 1, value.max);
        return { op: 'let', local: this.#locals - 1, value };
      }
      case 9:
      case 10:
        return {
          op: 'if',
          condition: e.condition(scope, 2),
          consequent: this.#statements(scope, depth - 1),
          alternative: random.oneIn(2) ? [] : this.#statements(scope, depth - 1),
        };
      case 11:
      case 12:
      case 13:
        return this.#loop(scope, depth);
    }
    const scalar = random.below(this.#scalars.length);
    return { op: 'set', scalar, value: e.atMost(this.#scalars[scalar]?.max ?? 0n, scope, 2) };
  }

  #loop(scope: Scope, depth: number): Statement {
    const random = this.#random;
    const e = this.#expressions;
    const walk = this.#locals;
    this.#locals += 1;
    const size = random.pick([4, 8, 16, 24]);
    const bound = 1 + random.below(WALK_BOUND_MAX);
    const inner: Scope = { ...scope, walks: new Map([...scope.walks, [walk, size]]) };
    const rules = { range: this.#rule('range'), memory: this.#rule('memory') };
    const count = random.oneIn(3) ? e.number(scope, 1) : e.atMost(BigInt(bound), scope, 1);
    const body = this.#statements(inner, depth - 1);
    switch (random.below(3)) {
      case 0: {
        const below = (): NumberExpr => (random.oneIn(3) ? e.number(scope, 1) : e.atMost(BigInt(bound), scope, 1));
        const full: NumberExpr = random.oneIn(2) ? { op: 'const', value: BigInt(bound), max: BigInt(bound) } : count;
        return {
          op: 'walk',
          walk,
          base: e.address(scope),
          count: full,
          size,
          from: below(),
          to: below(),
          bound,
          ...rules,
          body,
        };
      }
      case 1: {
        const until = random.oneIn(2) ? undefined : e.condition(inner, 1);
        return {
          op: 'table',
          walk,
          stored: random.oneIn(3),
          frozen: random.oneIn(2),
          base: e.address(scope),
          count,
          size,
          bound,
          until,
          ...rules,
          body,
        };
      }
      default:
        return {
          op: 'list', walk, first: e.address(scope), size, bound,
          more: { op: 'all', of: [e.condition(inner, 1), e.condition(inner, 1)] }, next: e.address(inner), ...rules, body,
        }; // prettier-ignore
    }
  }
}
