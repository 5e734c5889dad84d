/**
 * Expressions of the core calculus as JavaScript that allocates nothing.
 *
 * A number below 2^53 is one JavaScript number ("narrow"); a larger one is two, its low and high 32 bits ("wide"), because
 * a BigInt in a field costs 11 ns and an allocation. The largest value of each expression decides, when compiling.
 * Multiplication and division of wide numbers fall back to BigInt: correct, rare, and the only code here that allocates.
 *
 * Where a wide number only meets narrow ones (is this store below the end of the ring?) its halves are not needed: a
 * "faithful" double, exact below 2^53 and at least 2^53 otherwise, gives the same answer in a third of the time.
 */
import { isDeepStrictEqual } from 'node:util';
import type { BoolExpr, NumberExpr } from '../ir.ts';
import { HalvesWriter, isWide, less, mask, NARROW_MAX, WORD, type BinaryExpr, type Halves } from './js-halves.ts';
import type { Part, Vector } from './js-state.ts';
import { fieldKey } from './transaction.ts';

/** What the code of one handler has come to so far. */
export interface Notes {
  /** Number of the next temporary. */
  next: number;
  /** What names of temporaries begin with; `t` if nothing else is said. */
  readonly prefix?: string;
  /** Fields that are read once for a whole descriptor, by walk: V8 does not see that reading again gives the same. */
  readonly fields?: Map<number, ReadonlySet<string>>;
  /** Wide locals of which the halves are wanted; of others, the faithful double alone is kept. */
  readonly halves: Set<number>;
}

const fieldName = (walk: number, offset: number, bytes: number): string => `f${walk}_${offset}_${bytes}`;

function fieldText(walk: number, offset: number, bytes: number): string {
  const kind = bytes === 1 ? 'Uint8' : `Uint${bytes * 8}`;
  return `v${walk}.get${kind}(a${walk} + ${offset}${bytes === 1 ? '' : ', true'})`;
}

/** Where the state is found: scalars, perhaps as working copies, and what is indexed. */
export interface Places {
  place(scalar: number, part: Part): string;
  wide(scalar: number): boolean;
  array(array: number): Vector;
  table(table: number): Vector;
}

/** Writes the code of one handler: expressions return text, what they need first goes to `out`. */
export class ExpressionWriter {
  readonly out: string[];
  readonly #places: Places;
  readonly #notes: Notes;
  readonly #halves = new HalvesWriter((text) => this.#temporary(text));

  constructor(out: string[], places: Places, notes: Notes) {
    this.out = out;
    this.#places = places;
    this.#notes = notes;
  }

  /** Statements that read these fields of the present descriptor; from here on their names stand for them. */
  readFields(walk: number, fields: ReadonlySet<string>): string[] {
    this.#notes.fields?.set(walk, fields);
    return [...fields].map((key) => {
      const [offset = 0, bytes = 0] = key.split(':').map(Number);
      return `const ${fieldName(walk, offset, bytes)} = ${fieldText(walk, offset, bytes)};`;
    });
  }

  /** The same writer, appending elsewhere. */
  into(out: string[]): ExpressionWriter {
    return new ExpressionWriter(out, this.#places, this.#notes);
  }

  #temporary(text: string): string {
    if (/^[A-Za-z_$][\w$]*$|^\d+$/.test(text)) return text;
    const name = `${this.#notes.prefix ?? 't'}${this.#notes.next}`;
    this.#notes.next += 1;
    this.out.push(`const ${name} = ${text};`);
    return name;
  }

  // ---- narrow ----------------------------------------------------------------------------------------------------------

  /** A number below 2^53 as one expression. */
  narrow(e: NumberExpr): string {
    if (isWide(e.max)) throw new RangeError(`a wide ${e.op} was used as a narrow number`);
    switch (e.op) {
      case 'const':
        return e.value.toString();
      case 'scalar':
        return this.#places.wide(e.scalar) ? this.#joined(this.wide(e), e.max) : this.#places.place(e.scalar, '');
      case 'local':
        return `l${e.local}`;
      case 'argument':
        return e.argument === 'value' ? this.#joined(['lo', 'hi'], e.max) : e.argument;
      case 'descriptor':
        if (e.bytes === 8) return this.#joined(this.wide(e), e.max);
        if (this.#notes.fields?.get(e.walk)?.has(fieldKey(e.offset, e.bytes)) === true)
          return fieldName(e.walk, e.offset, e.bytes);
        return fieldText(e.walk, e.offset, e.bytes);
      case 'element':
      case 'lookup': {
        const vector = this.#vector(e);
        return vector.wide ? this.#joined(this.wide(e), e.max) : this.#entry(vector, e.index, '');
      }
      case 'place':
        return `p${e.walk}`;
      case 'extract':
        return this.#extract(e);
      case 'shiftLeft':
        if (isWide(e.of.max)) return this.#joined(this.wide(e), e.max);
        return `(${this.narrow(e.of)} * ${2 ** e.by})`;
      case 'shiftRight':
        if (isWide(e.of.max)) return this.#joined(this.wide(e), e.max);
        return e.of.max < WORD && e.by < 32
          ? `(${this.narrow(e.of)} >>> ${e.by})`
          : `Math.floor(${this.narrow(e.of)} / ${2 ** e.by})`;
      case 'choice':
        return `(${this.condition(e.condition)} ? ${this.fitting(e.left)} : ${this.fitting(e.right)})`;
      default:
        return this.#binary(e);
    }
  }

  /**
   * A number that is below 2^53 where it stands, though its type alone does not say so: a branch of a narrow choice, or a
   * wide variable of which the checker has shown that it fits.
   */
  fitting(e: NumberExpr): string {
    return isWide(e.max) ? this.#joined(this.wide(e), NARROW_MAX) : this.narrow(e);
  }

  /** Any number as one; beyond 2^53 only its size is right, which is enough to refuse it. */
  atMost(e: NumberExpr): string {
    return isWide(e.max) ? this.#joined(this.wide(e), e.max) : this.narrow(e);
  }

  #joined([lo, hi]: Halves, max: bigint): string {
    return max < WORD ? lo : `(${hi} * 4294967296 + ${lo})`;
  }

  #extract(e: Extract<NumberExpr, { op: 'extract' }>): string {
    if (isWide(e.of.max)) return this.#joined(this.wide(e), e.max);
    const of = this.narrow(e.of);
    if (e.of.max < WORD && e.low >= 32) return '0';
    if (e.of.max < WORD) {
      const shifted = e.low === 0 ? of : `(${of} >>> ${e.low})`;
      if (e.low + e.bits >= 32) return e.low === 0 ? of : shifted;
      return `(${shifted} & ${mask(e.bits)})`;
    }
    return `(Math.floor(${of} / ${2 ** e.low}) % ${2 ** e.bits})`;
  }

  #binary(e: BinaryExpr): string {
    const wideOperand = isWide(e.left.max) || isWide(e.right.max);
    const sum = e.left.max + e.right.max;
    switch (e.op) {
      case 'and':
      case 'or':
      case 'xor': {
        if (wideOperand || e.left.max >= WORD || e.right.max >= WORD) return this.#joined(this.wide(e), e.max);
        const sign = e.op === 'and' ? '&' : e.op === 'or' ? '|' : '^';
        const text = `(${this.narrow(e.left)} ${sign} ${this.narrow(e.right)})`;
        return e.max < WORD / 2n ? text : `(${text} >>> 0)`;
      }
      case 'addWrap':
      case 'subWrap': {
        if (wideOperand || e.bits > 32) return this.#joined(this.wide(e), e.max);
        const sign = e.op === 'addWrap' ? '+' : '-';
        const text = `(${this.narrow(e.left)} ${sign} ${this.narrow(e.right)})`;
        return e.bits === 32 ? `(${text} >>> 0)` : `(${text} & ${mask(e.bits)})`;
      }
      case 'mulWrap': {
        if (wideOperand || e.bits > 32) return this.#joined(this.wide(e), e.max);
        const text = `Math.imul(${this.narrow(e.left)}, ${this.narrow(e.right)})`;
        return e.bits === 32 ? `(${text} >>> 0)` : `(${text} & ${mask(e.bits)})`;
      }
      case 'min':
        return `Math.min(${this.#faithful(e.left)}, ${this.#faithful(e.right)})`;
      case 'subSat': {
        // max(a, b) - b is a - b, stopped at 0.
        const left = e.left.op === 'max' && isDeepStrictEqual(e.left.right, e.right) ? e.left.left : e.left;
        if (isWide(left.max)) return this.#joined(this.wide(e), e.max);
        return `Math.max(${this.narrow(left)} - ${this.#faithful(e.right)}, 0)`;
      }
      case 'addSat':
        if (e.bits <= 53)
          return `Math.min(${this.#faithful(e.left)} + ${this.#faithful(e.right)}, ${2n ** BigInt(e.bits) - 1n})`;
        if (wideOperand || sum > NARROW_MAX) return this.#joined(this.wide(e), e.max);
        return `(${this.narrow(e.left)} + ${this.narrow(e.right)})`;
      default:
        if (wideOperand) return this.#joined(this.wide(e), e.max);
        return this.#exact(e.op, e.left, e.right);
    }
  }

  #exact(op: 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'max', leftExpr: NumberExpr, rightExpr: NumberExpr): string {
    const left = this.narrow(leftExpr);
    const right = this.narrow(rightExpr);
    switch (op) {
      case 'add':
        return `(${left} + ${right})`;
      case 'sub':
        return `(${left} - ${right})`;
      case 'mul':
        return `(${left} * ${right})`;
      case 'mod':
        return `(${left} % ${right})`;
      case 'div': {
        const divisor = rightExpr.op === 'const' ? Number(rightExpr.value) : 0;
        const power = Math.log2(divisor);
        if (Number.isInteger(power) && power < 32 && leftExpr.max < WORD) return `(${left} >>> ${power})`;
        // Exact: what is divided is a multiple of the divisor.
        const [a, b] = [this.#temporary(left), this.#temporary(right)];
        return `((${a} - ${a} % ${b}) / ${b})`;
      }
      case 'max':
        return `Math.max(${left}, ${right})`;
    }
  }

  // ---- faithful --------------------------------------------------------------------------------------------------------

  /**
   * Any number as one double: exact if it is below 2^53, else at least 2^53. Rounding is monotonic, so joining halves,
   * adding, and choosing the least or greatest keep this; subtracting would not.
   */
  #faithful(e: NumberExpr): string {
    if (!isWide(e.max)) return this.narrow(e);
    switch (e.op) {
      case 'local':
        return `l${e.local}`;
      case 'add':
      case 'addSat': // where it stops lies above 2^53, or the number would be narrow
        return `(${this.#faithful(e.left)} + ${this.#faithful(e.right)})`;
      case 'min':
      case 'max':
        return `Math.${e.op}(${this.#faithful(e.left)}, ${this.#faithful(e.right)})`;
      default:
        return this.#joined(this.wide(e), e.max);
    }
  }

  /** Defines a local: a wide one as a faithful double, and as halves if `Notes.halves` asks for them. */
  define(local: number, value: NumberExpr): void {
    if (this.#notes.halves.has(local)) {
      const [lo, hi] = this.wide(value);
      this.out.push(`const l${local}lo = ${lo}, l${local}hi = ${hi};`);
    }
    this.out.push(`const l${local} = ${this.#faithful(value)};`);
  }

  // ---- wide ------------------------------------------------------------------------------------------------------------

  /** Any number as two 32-bit halves, each a name, an element of `large`, or a literal. */
  wide(e: NumberExpr): Halves {
    if (!isWide(e.max) && !this.#needsWide(e)) {
      const text = this.narrow(e);
      if (e.op === 'const') return [String(e.value % WORD), String(e.value / WORD)];
      if (e.max < WORD) return [this.#temporary(text), '0'];
      return this.#halves.split(text);
    }
    switch (e.op) {
      case 'const':
        return [String(e.value % WORD), String(e.value / WORD)];
      case 'scalar':
        if (!this.#places.wide(e.scalar)) return this.#halves.split(this.#places.place(e.scalar, ''));
        return [this.#places.place(e.scalar, 'lo'), this.#places.place(e.scalar, 'hi')];
      case 'local':
        this.#notes.halves.add(e.local);
        return [`l${e.local}lo`, `l${e.local}hi`];
      case 'argument':
        return ['lo', 'hi'];
      case 'descriptor':
        return [
          this.#temporary(`v${e.walk}.getUint32(a${e.walk} + ${e.offset}, true)`),
          this.#temporary(`v${e.walk}.getUint32(a${e.walk} + ${e.offset + 4}, true)`),
        ];
      case 'element':
      case 'lookup': {
        const vector = this.#vector(e);
        if (!vector.wide) return this.#halves.split(this.#entry(vector, e.index, ''));
        return [
          this.#temporary(this.#entry(vector, e.index, 'lo')),
          this.#temporary(this.#entry(vector, e.index, 'hi')),
        ];
      }
      case 'place':
        throw new RangeError('places are below 2^52');
      case 'extract': {
        const [lo, hi] = this.#halves.shiftedRight(this.wide(e.of), e.low);
        if (e.bits >= 64) return [lo, hi];
        if (e.bits > 32) return [lo, this.#temporary(`(${hi} & ${mask(e.bits - 32)}) >>> 0`)];
        return [e.bits === 32 ? lo : this.#temporary(`${lo} & ${mask(e.bits)}`), '0'];
      }
      case 'shiftRight':
        return this.#halves.shiftedRight(this.wide(e.of), e.by);
      case 'shiftLeft':
        return this.#halves.shiftedLeft(this.wide(e.of), e.by);
      case 'choice': {
        const condition = this.#temporary(this.condition(e.condition));
        const [a, b] = [this.wide(e.left), this.wide(e.right)];
        return [
          this.#temporary(`${condition} ? ${a[0]} : ${b[0]}`),
          this.#temporary(`${condition} ? ${a[1]} : ${b[1]}`),
        ];
      }
      default:
        return this.#halves.binary(e, this.wide(e.left), this.wide(e.right));
    }
  }

  #vector(e: Extract<NumberExpr, { op: 'element' | 'lookup' }>): Vector {
    return e.op === 'element' ? this.#places.array(e.array) : this.#places.table(e.table);
  }

  /** An entry, or a half of it; 0 beyond the end. */
  #entry({ name, count }: Vector, index: NumberExpr, part: Part): string {
    const at = this.#temporary(this.#faithful(index));
    return index.max < BigInt(count) ? `${name}${part}[${at}]` : `(${at} < ${count} ? ${name}${part}[${at}] : 0)`;
  }

  /** An index as one number, evaluated once: exact, or beyond every array. */
  index(e: NumberExpr): string {
    return this.#temporary(this.#faithful(e));
  }

  /** Narrow results of operations on wide operands are computed wide. */
  #needsWide(e: NumberExpr): boolean {
    if (e.op === 'scalar') return this.#places.wide(e.scalar);
    if (e.op === 'element' || e.op === 'lookup') return this.#vector(e).wide;
    if (e.op === 'descriptor') return e.bytes === 8;
    if (e.op === 'argument') return e.argument === 'value' && e.max >= WORD;
    if (e.op === 'extract' || e.op === 'shiftRight' || e.op === 'shiftLeft') return isWide(e.of.max);
    if (!('left' in e) || e.op === 'choice') return false;
    if (isWide(e.left.max) || isWide(e.right.max)) return true;
    if (e.op === 'and' || e.op === 'or' || e.op === 'xor') return e.left.max >= WORD || e.right.max >= WORD;
    if (e.op === 'addWrap' || e.op === 'subWrap' || e.op === 'mulWrap') return e.bits > 32;
    return e.op === 'addSat' && e.left.max + e.right.max > NARROW_MAX;
  }

  // ---- conditions --------------------------------------------------------------------------------------------------------

  condition(e: BoolExpr): string {
    switch (e.op) {
      case 'bool':
        return String(e.value);
      case 'not':
        return `!${this.condition(e.of)}`;
      case 'all':
      case 'any':
        if (e.of.length === 0) return String(e.op === 'all');
        return `(${e.of.map((each) => this.condition(each)).join(e.op === 'all' ? ' && ' : ' || ')})`;
      case 'inside':
        return this.#inside(e);
      case 'outsideBars': {
        const [lo, hi] = this.wide(e.base);
        return `outsideBars(${lo} | 0, ${hi} | 0, ${this.#faithful(e.length)})`;
      }
      default:
        return this.#comparison(e);
    }
  }

  #inside(e: Extract<BoolExpr, { op: 'inside' }>): string {
    const [lo, hi] = this.wide(e.base);
    if (!isWide(e.length.max)) return `inside(${e.purposes}, ${lo} | 0, ${hi} | 0, ${this.narrow(e.length)})`;
    const [lengthLo, lengthHi] = this.wide(e.length);
    // A length of 2^52 or more fits no grant; so does 2^52 itself.
    return `inside(${e.purposes}, ${lo} | 0, ${hi} | 0, Math.min(${lengthHi} * 4294967296 + ${lengthLo}, 4503599627370496))`;
  }

  #comparison(e: Extract<BoolExpr, { op: 'eq' | 'ne' | 'lt' | 'le' }>): string {
    const sign = { eq: '===', ne: '!==', lt: '<', le: '<=' }[e.op];
    if (isWide(e.left.max) && isWide(e.right.max)) {
      const [a, b] = [this.wide(e.left), this.wide(e.right)];
      if (e.op === 'eq') return `(${a[0]} === ${b[0]} && ${a[1]} === ${b[1]})`;
      if (e.op === 'ne') return `(${a[0]} !== ${b[0]} || ${a[1]} !== ${b[1]})`;
      return e.op === 'lt' ? less(a, b) : `!${less(b, a)}`;
    }
    // One side is below 2^53, so it cannot equal or exceed a double that stands for something above.
    return `(${this.#faithful(e.left)} ${sign} ${this.#faithful(e.right)})`;
  }
}
