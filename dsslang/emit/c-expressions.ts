/**
 * Expressions of the core calculus as C: plain uint64_t arithmetic, without side effects and without undefined behaviour.
 *
 * The calculus is exact below 2^64, so `+` is `+`. What can wrap is masked; what saturates, and what is the least of two,
 * is a small function. A comparison that the ranges already decide is written as its outcome: compilers would warn of it.
 */
import { isDeepStrictEqual } from 'node:util';
import type { BoolExpr, NumberExpr, ScalarId } from '../ir.ts';
import type { CNames, Field } from './c-names.ts';

const WORD_MAX = 2n ** 64n - 1n;

export class CExpressions {
  readonly #names: CNames;
  readonly #copies: ReadonlySet<ScalarId>;

  /** @param copies scalars that are worked on as local copies here */
  constructor(names: CNames, copies: ReadonlySet<ScalarId>) {
    this.#names = names;
    this.#copies = copies;
  }

  /** A uint64_t expression that may stand beside any operator. */
  number(e: NumberExpr): string {
    switch (e.op) {
      case 'const':
        return constant(e.value);
      case 'scalar': {
        if (this.#copies.has(e.scalar)) return `n${e.scalar}`;
        const { name, storage } = this.#names.scalar(e.scalar);
        return storage === 64 ? `m->${name}` : `(uint64_t)m->${name}`;
      }
      case 'element':
        return this.#entry(this.#names.array(e.array), 'm->', e.index);
      case 'lookup':
        return this.#entry(this.#names.table(e.table), '', e.index);
      case 'local':
        return `l${e.local}`;
      case 'place':
        return `p${e.walk}`;
      case 'argument':
        return e.argument;
      case 'descriptor':
        return e.bytes === 1
          ? `(uint64_t)d${e.walk}[${e.offset}]`
          : `load${e.bytes * 8}(d${e.walk}${e.offset === 0 ? '' : ` + ${e.offset}`})`;
      case 'extract':
        return masked(shiftedRight(this.number(e.of), e.low), e.bits);
      case 'shiftRight':
        return shiftedRight(this.number(e.of), e.by);
      case 'shiftLeft':
        if (e.by >= 64) return constant(0n);
        return e.by === 0 ? this.number(e.of) : `(${this.number(e.of)} << ${e.by})`;
      case 'choice':
        return `(${this.operand(e.condition)} ? ${this.number(e.left)} : ${this.number(e.right)})`;
      default:
        return this.#binary(e);
    }
  }

  #entry({ name, storage, count }: Field, of: string, index: NumberExpr): string {
    return `at${storage}(${of}${name}, ${count}, ${this.number(index)})`;
  }

  #binary(e: Exclude<Extract<NumberExpr, { left: NumberExpr; right: NumberExpr }>, { op: 'choice' }>): string {
    const left = this.number(e.left);
    const right = this.number(e.right);
    const infix = (sign: string): string => `(${left} ${sign} ${right})`;
    switch (e.op) {
      case 'add':
        return infix('+');
      case 'sub':
        return infix('-');
      case 'mul':
        return infix('*');
      case 'div':
        return infix('/');
      case 'mod':
        return infix('%');
      case 'and':
        return infix('&');
      case 'or':
        return infix('|');
      case 'xor':
        return infix('^');
      case 'addWrap':
        return masked(infix('+'), e.bits);
      case 'subWrap':
        return masked(infix('-'), e.bits);
      case 'mulWrap':
        return masked(infix('*'), e.bits);
      case 'addSat':
        return `add_sat(${left}, ${right}, ${constant(2n ** BigInt(e.bits) - 1n)})`;
      case 'subSat':
        return `sub_sat(${left}, ${right})`;
      case 'min':
        return `least(${left}, ${right})`;
      case 'max':
        return `greatest(${left}, ${right})`;
    }
  }

  /** A condition as it stands between the brackets of an `if`. */
  condition(e: BoolExpr): string {
    switch (e.op) {
      case 'bool':
        return String(e.value);
      case 'not':
        return `!${this.operand(e.of)}`;
      case 'all':
      case 'any':
        if (e.of.length === 0) return String(e.op === 'all');
        return e.of.map((each) => this.operand(each)).join(e.op === 'all' ? ' && ' : ' || ');
      case 'inside':
        return `inside(m, ${e.purposes}, ${this.number(e.base)}, ${this.number(e.length)})`;
      case 'outsideBars':
        return `outside_bars(m, ${this.number(e.base)}, ${this.number(e.length)})`;
      default: {
        const known = decided(e);
        if (known !== undefined) return String(known);
        const sign = { eq: '==', ne: '!=', lt: '<', le: '<=' }[e.op];
        return `${this.number(e.left)} ${sign} ${this.number(e.right)}`;
      }
    }
  }

  /** A condition that may stand beside any operator. */
  operand(e: BoolExpr): string {
    const text = this.condition(e);
    return /^!?\w+$|^!?\([^()]*\)$/.test(text) || e.op === 'inside' || e.op === 'outsideBars' ? text : `(${text})`;
  }
}

/** A number as it is written in C. */
export function constant(value: bigint): string {
  const digits = value < 4096n ? value.toString() : `0x${value.toString(16)}`;
  return `UINT64_C(${digits})`;
}

function shiftedRight(text: string, by: number): string {
  if (by >= 64) return constant(0n);
  return by === 0 ? text : `(${text} >> ${by})`;
}

function masked(text: string, bits: number): string {
  return bits >= 64 ? text : `(${text} & ${constant(2n ** BigInt(bits) - 1n)})`;
}

type Comparison = Extract<BoolExpr, { op: 'eq' | 'ne' | 'lt' | 'le' }>;

/** The outcome of a comparison, if the ranges of both sides decide it. */
function decided({ op, left, right }: Comparison): boolean | undefined {
  if (op === 'ne') {
    const equal = decided({ op: 'eq', left, right });
    return equal === undefined ? undefined : !equal;
  }
  const same = isDeepStrictEqual(left, right);
  const [leftLeast, rightLeast] = [leastOf(left), leastOf(right)];
  switch (op) {
    case 'eq':
      if (same || (left.op === 'const' && right.op === 'const')) return same || leftLeast === rightLeast;
      return left.max < rightLeast || right.max < leftLeast || !bitsFit(left, right) || !bitsFit(right, left)
        ? false
        : undefined;
    case 'lt':
      if (same || right.max <= leftLeast) return false;
      return left.max < rightLeast ? true : undefined;
    case 'le':
      if (same || left.max <= rightLeast) return true;
      return right.max < leftLeast ? false : undefined;
  }
}

const leastOf = (e: NumberExpr): bigint => (e.op === 'const' ? e.value : 0n);

/** Can a number masked by a constant, or with the bits of one, equal this constant? */
function bitsFit(e: NumberExpr, value: NumberExpr): boolean {
  if (value.op !== 'const' || !(e.op === 'and' || e.op === 'or')) return true;
  const bits = [e.left, e.right].find((side) => side.op === 'const');
  if (bits?.op !== 'const') return true;
  return e.op === 'and'
    ? (value.value & (bits.value ^ WORD_MAX)) === 0n
    : (bits.value & (value.value ^ WORD_MAX)) === 0n;
}
