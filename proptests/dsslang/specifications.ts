/**
 * Random specifications, as text: what nobody would write, but the language allows.
 *
 * The generator keeps an upper bound of every expression, so that most of what it writes passes the range checker; what
 * the checker still refuses is part of the test (it must refuse, not crash).
 */
import type { Random } from './random.ts';

const U64 = (1n << 64n) - 1n;

/** An expression's text and the largest value it can have, as far as the generator knows. */
interface Piece {
  readonly text: string;
  readonly max: bigint;
}

interface Place {
  readonly text: string;
  readonly bits: number;
  readonly max: bigint;
}

interface Environment {
  /** Named values of known width: `v`, variables, `REG.written`, `d.field`, lets. */
  readonly values: readonly Place[];
  readonly conditions: readonly string[];
  readonly machines: readonly { readonly name: string; readonly states: readonly string[] }[];
  readonly variables: readonly Place[];
  readonly rings: readonly string[];
  readonly windows: readonly string[];
  readonly descriptorFields: readonly Place[];
}

const maxOf = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

export class SpecificationSource {
  readonly #random: Random;
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  #fresh(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  #literal(value: bigint): Piece {
    return { text: this.#random.oneIn(2) ? value.toString() : `0x${value.toString(16)}`, max: value };
  }

  // ---- numbers -----------------------------------------------------------------------------------------------------

  /** A number of at most `max`. */
  #atMost(max: bigint, env: Environment, depth: number): string {
    const piece = this.#number(env, depth);
    if (piece.max <= max) return piece.text;
    if ((max & (max + 1n)) === 0n && this.#random.oneIn(2)) return `(${piece.text}) & ${max}`;
    return this.#random.oneIn(2)
      ? `min(${piece.text}, ${max})`
      : `(${piece.text}) % ${max + 1n > U64 ? U64 : max + 1n}`;
  }

  #masked(piece: Piece, bits: number): Piece {
    const limit = maxOf(bits);
    return piece.max <= limit ? piece : { text: `(${piece.text} & 0x${limit.toString(16)})`, max: limit };
  }

  #leaf(env: Environment): Piece {
    const random = this.#random;
    if (env.values.length === 0 || random.oneIn(4))
      return this.#literal(random.bits(random.pick([1, 4, 8, 16, 32, 53, 64])));
    const place = random.pick(env.values);
    if (random.oneIn(4)) {
      const high = random.below(place.bits);
      const low = random.below(high + 1);
      if (random.oneIn(3)) return { text: `${place.text}[${high}]`, max: 1n };
      return { text: `${place.text}[${high}:${low}]`, max: maxOf(high - low + 1) };
    }
    return place;
  }

  #number(env: Environment, depth: number): Piece {
    const random = this.#random;
    if (depth <= 0) return this.#leaf(env);
    const inner = (): Piece => this.#number(env, depth - 1);
    switch (random.below(17)) {
      case 0: {
        const [a, b] = [this.#masked(inner(), 63), this.#masked(inner(), 63)];
        return { text: `(${a.text} + ${b.text})`, max: a.max + b.max };
      }
      case 1: {
        const bits = random.pick([8, 16, 31, 32]);
        const [a, b] = [this.#masked(inner(), bits), this.#masked(inner(), bits)];
        return { text: `(${a.text} * ${b.text})`, max: a.max * b.max };
      }
      case 2: {
        // Shown to be safe by the condition before it.
        const [a, b] = [this.#leaf(env), this.#leaf(env)];
        return { text: `(if ${b.text} <= ${a.text} then ${a.text} - ${b.text} else 0)`, max: a.max };
      }
      case 3: {
        const [a, b] = [inner(), inner()];
        return { text: `(${a.text} -| ${b.text})`, max: a.max };
      }
      case 4:
      case 5:
      case 6: {
        const [a, b] = [inner(), inner()];
        return { text: `(${a.text} ${random.pick(['+%', '-%', '*%'])} ${b.text})`, max: U64 };
      }
      case 7: {
        const [a, b] = [inner(), inner()];
        return { text: `(${a.text} +| ${b.text})`, max: U64 };
      }
      case 8: {
        const [a, b] = [inner(), inner()];
        return { text: `(${a.text} ${random.pick(['/', '%'])} (${b.text} | ${random.pick([1, 2, 7])}))`, max: a.max };
      }
      case 9: {
        const a = inner();
        const divisor = env.values.length === 0 ? { text: '7', max: 7n } : random.pick(env.values);
        const { text } = divisor;
        return {
          text: `(if ${text} != 0 then ${a.text} ${random.pick(['/', '%'])} ${text} else ${a.text})`,
          max: a.max,
        };
      }
      case 10: {
        const [a, b] = [inner(), inner()];
        const bits = Math.max(a.max.toString(2).length, b.max.toString(2).length);
        return { text: `(${a.text} ${random.pick(['|', '^'])} ${b.text})`, max: maxOf(bits) };
      }
      case 11: {
        const [a, b] = [inner(), inner()];
        return { text: `(${a.text} & ${b.text})`, max: a.max < b.max ? a.max : b.max };
      }
      case 12: {
        const by = random.below(64);
        const a = this.#masked(inner(), 64 - by);
        return { text: `(${a.text} << ${by})`, max: a.max << BigInt(by) };
      }
      case 13: {
        const by = random.below(64);
        const a = inner();
        return { text: `(${a.text} >> ${by})`, max: a.max >> BigInt(by) };
      }
      case 14: {
        const [a, b] = [inner(), inner()];
        return {
          text: `(if ${this.#condition(env, depth - 1)} then ${a.text} else ${b.text})`,
          max: a.max > b.max ? a.max : b.max,
        };
      }
      case 15: {
        const [a, b] = [inner(), inner()];
        const least = random.oneIn(2);
        const [low, high] = a.max < b.max ? [a.max, b.max] : [b.max, a.max];
        return { text: `${least ? 'min' : 'max'}(${a.text}, ${b.text})`, max: least ? low : high };
      }
      default: {
        const a = this.#leaf(env);
        return { text: `(~${a.text})`, max: U64 };
      }
    }
  }

  // ---- conditions --------------------------------------------------------------------------------------------------

  #condition(env: Environment, depth: number): string {
    const random = this.#random;
    const number = (): string => this.#number(env, depth - 1).text;
    if (depth > 0 && random.oneIn(2)) {
      const [a, b] = [this.#condition(env, depth - 1), this.#condition(env, depth - 1)];
      switch (random.below(6)) {
        case 0:
          return `not (${a})`;
        case 1:
          return `((${a}) == (${b}))`;
        case 2:
          return `(if ${a} then ${b} else ${this.#condition(env, depth - 1)})`;
        default:
          return `(${a} ${random.pick(['and', 'or', 'implies'])} ${b})`;
      }
    }
    switch (random.below(8)) {
      case 0:
        return `device.${random.pick(['reads', 'writes', 'fetches'])}(${number()}, ${number()})`;
      case 1: {
        if (env.machines.length === 0) break;
        const machine = random.pick(env.machines);
        return `${machine.name} ${random.pick(['==', '!='])} ${random.pick(machine.states)}`;
      }
      case 2:
        if (env.conditions.length > 0) return random.pick(env.conditions);
        break;
      case 3:
        if (env.windows.length > 0) return `through(${random.pick(env.windows)})`;
    }
    // Mostly compared with what it may equal: two random numbers hardly ever do.
    const left = this.#number(env, depth - 1).text;
    return `${left} ${random.pick(['==', '!=', '<', '<=', '>', '>='])} ${random.oneIn(2) ? this.#leaf(env).text : number()}`;
  }

  // ---- statements --------------------------------------------------------------------------------------------------

  #block(outer: Environment, depth: number, indent: string): string {
    let env = outer;
    const lines: string[] = [];
    const count = 1 + this.#random.below(4);
    for (let index = 0; index < count; index += 1) {
      const [text, next] = this.#statement(env, depth, `${indent}  `);
      lines.push(`${indent}  ${text}`);
      env = next;
    }
    return `{\n${lines.join('\n')}\n${indent}}`;
  }

  #statement(env: Environment, depth: number, indent: string): readonly [string, Environment] {
    const random = this.#random;
    switch (random.below(depth > 0 ? 12 : 8)) {
      case 0:
      case 1:
        // A requirement that mostly holds, or nothing else is ever reached.
        return [
          `require ${this.#condition(env, 2)} or ${this.#condition(env, 1)} "r" ${random.oneIn(4) ? 'else deny' : ''}`,
          env,
        ];
      case 2: {
        const name = this.#fresh('l');
        if (random.oneIn(3))
          return [`let ${name} = ${this.#condition(env, 2)}`, { ...env, conditions: [...env.conditions, name] }];
        // The generator does not know a let's declared width, so it never slices one.
        const { text, max } = this.#number(env, 2);
        return [`let ${name} = ${text}`, { ...env, values: [...env.values, { text: name, bits: 1, max }] }];
      }
      case 3: {
        const machine = random.pick(env.machines);
        return [`${machine.name} -> ${random.pick(machine.states)}`, env];
      }
      case 4:
        if (random.oneIn(12)) return ['deny "d"', env];
        break;
      case 5:
        return [this.#narrowed(env), env];
      case 6: {
        // Declared wide, but known to be small: its upper bits are 0.
        const wide = env.variables.filter((each) => each.bits > 8);
        if (wide.length === 0) break;
        const place = random.pick(wide);
        const name = this.#fresh('l');
        const mask = random.pick([0xffn, 0xffffn, 0xffff_ffffn, 1n << 52n]);
        const max = mask < place.max ? mask : place.max;
        return [
          `let ${name} = ${place.text} & ${mask}`,
          { ...env, values: [...env.values, { text: name, bits: place.bits, max }] },
        ];
      }
      case 8:
      case 9:
      case 10: {
        const otherwise = random.oneIn(2) ? ` else ${this.#block(env, depth - 1, indent)}` : '';
        return [`if ${this.#condition(env, 2)} ${this.#block(env, depth - 1, indent)}${otherwise}`, env];
      }
      case 11: {
        if (env.rings.length === 0) break;
        const item = this.#fresh('d');
        const fields = env.descriptorFields.map((each) => ({ ...each, text: `${item}.${each.text}` }));
        const inner = { ...env, values: [...env.values, ...fields, ...fields] };
        const index = (): string =>
          random.oneIn(3)
            ? this.#number(env, 1).text
            : random.oneIn(2)
              ? `min(${this.#leaf(env).text}, 7)`
              : String(random.below(5));
        return [
          `for ${item} in ${random.pick(env.rings)}[${index()} ..< ${index()}] ${this.#block(inner, depth - 1, indent)}`,
          env,
        ];
      }
    }
    const target = random.pick(env.variables);
    return [`${target.text} = ${this.#atMost(target.max, env, 3)}`, env];
  }

  /** What only a fact makes right: inside the condition a wide variable is known to be small. */
  #narrowed(env: Environment): string {
    const random = this.#random;
    const place = random.pick(env.values);
    const bits = 1 + random.below(Math.min(place.bits, 53));
    const target = random.pick(env.variables);
    const limit = maxOf(bits);
    const candidates = [`${place.text} +% 1`, `${place.text} | 0`, place.text];
    const shift = 64 - bits;
    const wide = env.variables.filter((each) => each.max === U64);
    if (wide.length > 0 && random.oneIn(2)) {
      const by = random.pick([32, shift, random.below(shift + 1)]);
      const into = random.oneIn(2) ? place.text : random.pick(wide).text;
      if (by <= shift && wide.some((each) => each.text === into))
        return `if ${place.text} <= ${limit} { ${into} = ${place.text} << ${by} }`;
    }
    if (limit <= target.max) {
      const by = random.below(target.max.toString(2).length - bits + 1);
      if (limit << BigInt(by) <= target.max && random.oneIn(2))
        return `if ${place.text} <= ${limit} { ${target.text} = ${place.text} << ${by} }`;
      return `if ${place.text} < ${limit + 1n} { ${target.text} = ${random.oneIn(3) ? random.pick(candidates.slice(1, 2)) : place.text} }`;
    }
    return `if ${place.text} <= ${target.max} { ${target.text} = ${place.text} }`;
  }

  // ---- the device --------------------------------------------------------------------------------------------------

  /** One specification. */
  next(): string {
    const random = this.#random;
    this.#names = 0;
    const out: string[] = [];
    const io = random.oneIn(2);
    out.push('region regs = bar 0 memory 4K', ...(io ? ['region io = bar 1 ports 64'] : []));
    if (random.oneIn(2)) out.push('region conf = config 256', 'area CONF at conf+0 size 128 : ro');
    if (random.oneIn(4))
      out.push('region chip = memory 0xFF07_0000 size 4K', 'register CHIP[4] at chip+0xFF0 : u32 rw { reserved [3] }');
    if (random.oneIn(3))
      out.push(
        `area SCRATCH at regs+0xC01 size ${1 + random.below(40)} : ${random.pick(['ro', 'rw', 'wo', 'platform'])}`,
      );

    const machines = Array.from({ length: 1 + random.below(2) }, (_, index) => ({
      name: `m${index}`,
      states: ['A', 'B', 'C', 'D'].slice(0, 2 + random.below(3)),
    }));
    for (const { name, states } of machines) out.push(`machine ${name} { ${states.join(', ')} }`);

    const variables: Place[] = Array.from({ length: 3 + random.below(5) }, (_, index) => {
      const bits = random.pick([1, 3, 8, 16, 31, 32, 33, 40, 52, 53, 54, 63, 64, 64]);
      const max = random.oneIn(3) ? random.bits(bits) : maxOf(bits);
      const initial = random.oneIn(2) ? ` = ${max === 0n ? 0n : random.bits(bits) % (max + 1n)}` : '';
      out.push(`var x${index} : u${bits}${max === maxOf(bits) ? '' : ` max ${max}`}${initial}`);
      return { text: `x${index}`, bits, max };
    });

    const { rings, descriptorFields, ringVariables } = this.#ring(out, machines[0]?.name ?? 'm0');
    const registers = this.#registers(out, random.oneIn(2));
    const windows: string[] = [];
    if (io) {
      out.push('register SELECT at io+0 : u32 rw', 'window DATA at io+4 : u32 into regs by SELECT');
      windows.push('DATA');
    }
    const followed = registers.filter((each) => !each.array && each.plain && random.oneIn(3));
    const values: Place[] = [
      ...variables,
      ...ringVariables,
      ...followed.map((each) => ({
        text: `${each.name}.${random.pick(['written', 'reported'])}`,
        bits: each.bits,
        max: maxOf(each.bits),
      })),
    ];
    const env: Environment = {
      values,
      conditions: [],
      machines,
      variables: [...variables, ...ringVariables],
      rings,
      windows,
      descriptorFields,
    };
    for (const register of registers.filter((each) => each.plain)) this.#handlers(register, env, out);
    if (random.oneIn(2)) this.#interrupt(registers, out);
    out.push('reset { delay 1ms }');
    return `device random {\n  match pci 1234:5678\n${out.map((line) => `  ${line}`).join('\n')}\n}\n`;
  }

  #ring(out: string[], machine: string): { rings: string[]; descriptorFields: Place[]; ringVariables: Place[] } {
    const random = this.#random;
    if (random.oneIn(3)) return { rings: [], descriptorFields: [], ringVariables: [] };
    const size = random.pick([8, 16, 24, 32]);
    const count = random.pick([4, 7, 16, 33]);
    out.push(
      `struct S size ${size} { a : u64 at 0  w : u32 at ${random.below(size - 3)}  h : u16 at ${random.below(size - 1)}  b : u8 at ${random.below(size)} }`,
      'var base : u64',
      `var count : u${random.pick([8, 16])} max ${count}`,
      `var head : u16 max ${count - random.below(2)}`,
      `var tail : u16 max ${count}`,
      `ring r : S { base base  count count  owned head ..< tail${random.oneIn(2) ? ` when ${machine} == A` : ''} }`,
    );
    return {
      rings: ['r'],
      descriptorFields: [
        { text: 'a', bits: 64, max: U64 },
        { text: 'w', bits: 32, max: maxOf(32) },
        { text: 'h', bits: 16, max: maxOf(16) },
        { text: 'b', bits: 8, max: maxOf(8) },
      ],
      ringVariables: [
        { text: 'base', bits: 64, max: U64 },
        { text: 'count', bits: 8, max: BigInt(count) },
        { text: 'head', bits: 3, max: BigInt(count - 1) },
        { text: 'tail', bits: 3, max: BigInt(count) },
      ],
    };
  }

  #registers(
    out: string[],
    wide: boolean,
  ): { name: string; bits: number; mode: string; array: boolean; plain: boolean }[] {
    const random = this.#random;
    const registers = Array.from({ length: 4 + random.below(5) }, (_, index) => {
      const bits = random.pick(wide ? [8, 16, 32, 64, 64] : [8, 16, 32]);
      const mode = random.pick(['rw', 'rw', 'rw', 'wo', 'ro', 'w1c', 'rc', 'platform']);
      const array = random.oneIn(4);
      const plain = !random.oneIn(6);
      const access = plain ? '' : ` access ${random.pick(['8', `8, ${bits}`, String(bits)])}`;
      const low = random.below(bits - 1);
      const fields = random.oneIn(2)
        ? ` { F = [${low + random.below(bits - low)}:${low}]${low > 0 ? `, reserved [${low - 1}]` : ''} }`
        : '';
      out.push(
        `register R${index}${array ? `[${1 + random.below(9)}]` : ''} at regs+${index * 0x100}${array ? ` stride ${(bits / 8) * random.pick([1, 2])}` : ''} : u${bits} ${mode}${access}${fields}`,
      );
      return { name: `R${index}`, bits, mode, array, plain };
    });
    const fifos = registers.flatMap((register, index) => {
      if (register.array || !register.plain || !random.oneIn(4)) return [];
      const bits = random.pick([8, 16, 32].filter((each) => each !== register.bits));
      out.push(`register F${index} at regs+${index * 0x100} : u${bits} rw fifo`);
      return [{ name: `F${index}`, bits, mode: 'rw', array: false, plain: true }];
    });
    return [...registers, ...fifos];
  }

  #handlers(
    register: { name: string; bits: number; mode: string; array: boolean },
    env: Environment,
    out: string[],
  ): void {
    const random = this.#random;
    const events = [
      ...(['rw', 'wo', 'w1c'].includes(register.mode) ? ['write'] : []),
      ...(register.mode === 'wo' ? [] : ['report', 'read']),
    ];
    for (const event of events) {
      if (random.oneIn(event === 'read' ? 4 : 5)) continue;
      const handler = (indent: string): string => {
        const index = register.array && random.oneIn(2) ? '[i]' : '';
        const bound: Place[] = [
          ...(event === 'read'
            ? []
            : Array<Place>(3).fill({ text: 'v', bits: register.bits, max: maxOf(register.bits) })),
          ...(index === '' ? [] : [{ text: 'i', bits: 32, max: 8n }]),
        ];
        const body = this.#block({ ...env, values: [...env.values, ...bound] }, 2, indent);
        return `on ${event} ${register.name}${index}${event === 'read' ? '' : '(v)'} ${body}`;
      };
      if (random.oneIn(2)) out.push(handler('  '));
      else {
        const machine = random.pick(env.machines);
        const cut = 1 + random.below(machine.states.length - 1);
        const set = (states: readonly string[]): string =>
          states.map((state) => `${machine.name}.${state}`).join(' | ');
        out.push(`in ${set(machine.states.slice(0, cut))} {\n    ${handler('    ')}\n  }`);
        if (random.oneIn(2)) out.push(`in ${set(machine.states.slice(cut))} {\n    ${handler('    ')}\n  }`);
      }
    }
  }

  #interrupt(
    registers: readonly { name: string; mode: string; array: boolean; plain: boolean }[],
    out: string[],
  ): void {
    const random = this.#random;
    const readable = registers.filter((each) => each.mode !== 'wo' && !each.array && each.plain);
    const writable = registers.filter((each) => ['rw', 'wo', 'w1c'].includes(each.mode) && each.plain);
    if (readable.length === 0) return;
    const cause = random.pick(readable).name;
    const when = random.oneIn(2) ? `(c) when c[${random.below(8)}] == 1` : '';
    const acknowledge = random.oneIn(2)
      ? `acknowledge read ${random.pick(readable).name}`
      : writable.length > 0
        ? `acknowledge write ${random.pick(writable).name}`
        : '';
    const rate = random.pick([1, 3, 1000, 7000, 999_999, 1_000_000]);
    out.push(
      `interrupt { cause ${cause}${when} ${acknowledge} acknowledge within 10ms at most ${rate} per second burst ${random.pick([1, 2, 5])} }`,
    );
  }
}
