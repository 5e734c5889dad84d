/**
 * Expressions of the core calculus as C: plain uint64_t arithmetic, without side effects and without undefined behaviour.
 *
 * The calculus is exact below 2^64, so `+` is `+`. What can wrap is masked; what saturates, and what is the least of two,
 * is a small function. A comparison that the ranges already decide is written as its outcome: compilers would warn of it.
 */
import type { BoolExpr, NumberExpr, ScalarId } from '../ir.ts';
import type { CNames, Field } from './c-names.ts';
import { folded, known } from './fold.ts';

export class CExpressions {
  readonly #names: CNames;
  readonly #copies: ReadonlySet<ScalarId>;
  /** What a condition being written compares with constants more than once. */
  #repeated: ReadonlySet<string> = new Set();

  /** @param copies scalars that are worked on as local copies here */
  constructor(names: CNames, copies: ReadonlySet<ScalarId>) {
    this.#names = names;
    this.#copies = copies;
  }

  /** A uint64_t expression that may stand beside any operator. */
  number(expression: NumberExpr): string {
    const e = folded(expression);
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
        return this.#choice(this.operand(e.condition), this.number(e.left), this.number(e.right));
      default:
        return this.#binary(e);
    }
  }

  #choice(condition: string, left: string, right: string): string {
    if (condition === 'true' || condition === 'false') return condition === 'true' ? left : right;
    return `(${condition} ? ${left} : ${right})`;
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
    const outcome = known(e);
    if (outcome !== undefined) return String(outcome);
    switch (e.op) {
      case 'bool':
        return String(e.value);
      case 'not':
        return `!${this.operand(e.of)}`;
      case 'all':
      case 'any':
        if (e.of.length === 0) return String(e.op === 'all');
        return e.of.length === 1 && e.of[0] !== undefined ? this.condition(e.of[0]) : this.#connected(e);
      case 'inside':
        return `inside(m, ${e.purposes}, ${this.number(e.base)}, ${this.number(e.length)})`;
      case 'outsideBars':
        return `outside_bars(m, ${this.number(e.base)}, ${this.number(e.length)})`;
      default: {
        const sign = { eq: '==', ne: '!=', lt: '<', le: '<=' }[e.op];
        const [left, right] = [this.#compared(e.left), this.#compared(e.right)];
        return left === right ? String(e.op === 'eq' || e.op === 'le') : `${left} ${sign} ${right}`;
      }
    }
  }

  /**
   * A conjunction or disjunction. gcc reads chains of comparisons of one thing with constants, and says of some, without a
   * flag to silence it, that they are always true: there, and only there, the thing goes through `plain`.
   */
  #connected(e: Extract<BoolExpr, { op: 'all' | 'any' }>): string {
    const before = this.#repeated;
    const things = comparedThings(e).map((thing) => this.number(thing));
    const twice = things.filter((thing, index) => things.indexOf(thing) !== index);
    const alternatives = e.op === 'any' && e.of.every((each) => each.op === 'eq');
    if (!alternatives) this.#repeated = new Set([...before, ...twice]);
    const text = e.of.map((each) => this.operand(each)).join(e.op === 'all' ? ' && ' : ' || ');
    this.#repeated = before;
    return text;
  }

  #compared(e: NumberExpr): string {
    const text = this.number(e);
    return this.#repeated.size > 0 && this.#repeated.has(this.number(bare(e))) ? `plain(${text})` : text;
  }

  /** A condition that may stand beside any operator. */
  operand(e: BoolExpr): string {
    const text = this.condition(e);
    return /^!?\w+$|^!?\([^()]*\)$/.test(text) || e.op === 'inside' || e.op === 'outsideBars' ? text : `(${text})`;
  }
}

/** What is compared with a constant in a condition, without the bits chosen of it. */
function comparedThings(e: BoolExpr): NumberExpr[] {
  switch (e.op) {
    case 'all':
    case 'any':
      return e.of.flatMap(comparedThings);
    case 'not':
      return comparedThings(e.of);
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
      if (known(e) !== undefined) return [];
      return folded(e.right).op === 'const' ? [bare(e.left)] : folded(e.left).op === 'const' ? [bare(e.right)] : [];
    default:
      return [];
  }
}

/** The number of which some bits are chosen. */
function bare(expression: NumberExpr): NumberExpr {
  const e = folded(expression);
  if (e.op === 'extract' || e.op === 'shiftRight' || e.op === 'shiftLeft') return bare(e.of);
  if (e.op !== 'and' && e.op !== 'or' && e.op !== 'xor') return e;
  return e.right.op === 'const' ? bare(e.left) : e.left.op === 'const' ? bare(e.right) : e;
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
