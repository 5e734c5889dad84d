/**
 * What is known about values at one point of a handler: their ranges, and which is not greater than which.
 *
 * `require v < count` makes `v`'s range smaller from there on; an assignment forgets what was known of its target. Facts
 * speak about expressions by their shape, so `v.LEN` and `d.length + 4` can be narrowed like a plain name.
 */
import type { BoolExpr, NumberExpr, ScalarId } from '../ir.ts';

export interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

/** The shape of an expression as text; equal shapes have equal values while no scalar in them changes. */
export function shape(expression: NumberExpr): string {
  switch (expression.op) {
    case 'const':
      return `#${expression.value}`;
    case 'scalar':
      return `s${expression.scalar};`;
    case 'local':
      return `l${expression.local};`;
    case 'argument':
      return `@${expression.argument};`;
    case 'descriptor':
      return `d${expression.walk}:${expression.offset}:${expression.bytes};`;
    case 'extract':
      return `(${shape(expression.of)}[${expression.low}+${expression.bits}])`;
    case 'shiftLeft':
    case 'shiftRight':
      return `(${expression.op} ${shape(expression.of)} ${expression.by})`;
    case 'choice':
      return `(choice ${conditionShape(expression.condition)} ${shape(expression.left)} ${shape(expression.right)})`;
    default:
      return `(${expression.op}${'bits' in expression ? expression.bits : ''} ${shape(expression.left)} ${shape(expression.right)})`;
  }
}

function conditionShape(condition: BoolExpr): string {
  switch (condition.op) {
    case 'bool':
      return String(condition.value);
    case 'not':
      return `(not ${conditionShape(condition.of)})`;
    case 'all':
    case 'any':
      return `(${condition.op} ${condition.of.map(conditionShape).join(' ')})`;
    case 'inside':
      return `(inside${condition.purposes} ${shape(condition.base)} ${shape(condition.length)})`;
    default:
      return `(${condition.op} ${shape(condition.left)} ${shape(condition.right)})`;
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b);

export class Facts {
  #ranges: Map<string, Range>;
  /** `a<=b`, as shapes joined by the sign. */
  #orders: Set<string>;

  constructor(ranges: ReadonlyMap<string, Range> = new Map(), orders: ReadonlySet<string> = new Set()) {
    this.#ranges = new Map(ranges);
    this.#orders = new Set(orders);
  }

  copy(): Facts {
    return new Facts(this.#ranges, this.#orders);
  }

  /** The range of `expression`, at most `natural`. */
  range(expression: NumberExpr, natural: Range): Range {
    const known = this.#ranges.get(shape(expression));
    if (known === undefined) return natural;
    return { min: greatest(known.min, natural.min), max: least(known.max, natural.max) };
  }

  learn(expression: NumberExpr, range: Range): void {
    if (expression.op === 'const') return;
    const key = shape(expression);
    const known = this.#ranges.get(key);
    this.#ranges.set(
      key,
      known === undefined ? range : { min: greatest(known.min, range.min), max: least(known.max, range.max) },
    );
  }

  knowsOrder(smaller: NumberExpr, larger: NumberExpr): boolean {
    return this.#orders.has(`${shape(smaller)}<=${shape(larger)}`);
  }

  learnOrder(smaller: NumberExpr, larger: NumberExpr): void {
    this.#orders.add(`${shape(smaller)}<=${shape(larger)}`);
  }

  /** `scalar` is about to change: whatever mentions it is no longer known. */
  forget(scalar: ScalarId): void {
    const mention = `s${scalar};`;
    for (const key of this.#ranges.keys()) if (key.includes(mention)) this.#ranges.delete(key);
    for (const order of this.#orders) if (order.includes(mention)) this.#orders.delete(order);
  }

  /** What is known whichever of two ways was taken. */
  meet(other: Facts): Facts {
    const ranges = new Map<string, Range>();
    for (const [key, mine] of this.#ranges) {
      const theirs = other.#ranges.get(key);
      if (theirs !== undefined)
        ranges.set(key, { min: least(mine.min, theirs.min), max: greatest(mine.max, theirs.max) });
    }
    return new Facts(ranges, new Set([...this.#orders].filter((order) => other.#orders.has(order))));
  }
}
