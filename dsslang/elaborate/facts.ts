/**
 * What is known about values at one point of a handler: their ranges, and which is not greater than which.
 *
 * `require v < count` makes `v`'s range smaller from there on; an assignment forgets what was known of its target. Facts
 * speak about expressions by their shape, so `v.LEN` and `d.length + 4` can be narrowed like a plain name.
 */
import type { BoolExpr, NumberExpr, ScalarId } from '../ir.ts';
import type { Cell } from './symbols.ts';

export interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

/** Larger expressions are not remembered: a fact about them costs more than it is worth. */
const SHAPE_NODES_MAX = 64;
/** So many facts are kept at a time; the oldest is forgotten first, which is always sound. */
const FACTS_MAX = 128;

/**
 * The shape of an expression as text; equal shapes have equal values while no scalar in them changes.
 * @returns undefined if the expression is too large to be remembered
 */
export function shape(expression: NumberExpr): string | undefined {
  const budget = { nodes: SHAPE_NODES_MAX };
  const text = numberShape(expression, budget);
  return budget.nodes < 0 ? undefined : text;
}

interface Budget {
  nodes: number;
}

function numberShape(expression: NumberExpr, budget: Budget): string {
  budget.nodes -= 1;
  if (budget.nodes < 0) return '';
  const of = (operand: NumberExpr): string => numberShape(operand, budget);
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
    case 'element':
      return `e${expression.array};[${of(expression.index)}]`;
    case 'lookup':
      return `t${expression.table};[${of(expression.index)}]`;
    case 'place':
      return `p${expression.walk};`;
    case 'extract':
      return `(${of(expression.of)}[${expression.low}+${expression.bits}])`;
    case 'shiftLeft':
    case 'shiftRight':
      return `(${expression.op} ${of(expression.of)} ${expression.by})`;
    case 'choice':
      return `(choice ${conditionShape(expression.condition, budget)} ${of(expression.left)} ${of(expression.right)})`;
    default:
      return `(${expression.op}${'bits' in expression ? expression.bits : ''} ${of(expression.left)} ${of(expression.right)})`;
  }
}

function conditionShape(condition: BoolExpr, budget: Budget): string {
  budget.nodes -= 1;
  if (budget.nodes < 0) return '';
  switch (condition.op) {
    case 'bool':
      return String(condition.value);
    case 'not':
      return `(not ${conditionShape(condition.of, budget)})`;
    case 'all':
    case 'any':
      return `(${condition.op} ${condition.of.map((each) => conditionShape(each, budget)).join(' ')})`;
    case 'inside':
      return `(inside${condition.purposes} ${numberShape(condition.base, budget)} ${numberShape(condition.length, budget)})`;
    case 'outsideBars':
      return `(outsideBars ${numberShape(condition.base, budget)} ${numberShape(condition.length, budget)})`;
    default:
      return `(${condition.op} ${numberShape(condition.left, budget)} ${numberShape(condition.right, budget)})`;
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b);

export class Facts {
  readonly #ranges: Map<string, Range>;
  /** `a<=b`, as shapes joined by the sign; and whole conditions that hold. */
  readonly #orders: Set<string>;
  /**
   * A condition before this point could not be read, so nothing may be complained about that it might have excluded.
   * (The program is refused anyhow.)
   */
  doubtful: boolean;

  constructor(
    ranges: ReadonlyMap<string, Range> = new Map(),
    orders: ReadonlySet<string> = new Set(),
    doubtful = false,
  ) {
    this.#ranges = new Map(ranges);
    this.#orders = new Set(orders);
    this.doubtful = doubtful;
  }

  copy(): Facts {
    return new Facts(this.#ranges, this.#orders, this.doubtful);
  }

  /** The range of `expression`, at most `natural`. */
  range(expression: NumberExpr, natural: Range): Range {
    if (this.#ranges.size === 0) return natural;
    const key = shape(expression);
    const known = key === undefined ? undefined : this.#ranges.get(key);
    if (known === undefined) return natural;
    const narrowed = { min: greatest(known.min, natural.min), max: least(known.max, natural.max) };
    // Facts that contradict each other stand in code that never runs.
    return narrowed.min <= narrowed.max ? narrowed : natural;
  }

  learn(expression: NumberExpr, range: Range): void {
    if (expression.op === 'const') return;
    const key = shape(expression);
    if (key === undefined) return;
    const known = this.#ranges.get(key);
    this.#ranges.set(
      key,
      known === undefined ? range : { min: greatest(known.min, range.min), max: least(known.max, range.max) },
    );
    forgetOldest(this.#ranges);
  }

  knowsOrder(smaller: NumberExpr, larger: NumberExpr): boolean {
    const key = orderKey(smaller, larger);
    return key !== undefined && this.#orders.has(key);
  }

  learnOrder(smaller: NumberExpr, larger: NumberExpr): void {
    const key = orderKey(smaller, larger);
    if (key === undefined) return;
    this.#orders.add(key);
    forgetOldest(this.#orders);
  }

  /** Was this very condition found true before? */
  knowsTruth(condition: BoolExpr): boolean {
    const key = truthKey(condition);
    return key !== undefined && this.#orders.has(key);
  }

  learnTruth(condition: BoolExpr): void {
    const key = truthKey(condition);
    if (key === undefined) return;
    this.#orders.add(key);
    forgetOldest(this.#orders);
  }

  /** `scalar` is about to change: whatever mentions it is no longer known. */
  forget(scalar: ScalarId): void {
    this.#forgetMention(`s${scalar};`);
  }

  /** The cell is about to change: of an array, any element. */
  forgetCell(cell: Cell): void {
    this.#forgetMention(cell.kind === 'scalar' ? `s${cell.scalar};` : `e${cell.array};`);
  }

  /** The operation's value is about to change. */
  forgetValue(): void {
    this.#forgetMention('@value;');
  }

  #forgetMention(mention: string): void {
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
    return new Facts(
      ranges,
      new Set([...this.#orders].filter((order) => other.#orders.has(order))),
      this.doubtful || other.doubtful,
    );
  }
}

function orderKey(smaller: NumberExpr, larger: NumberExpr): string | undefined {
  const [a, b] = [shape(smaller), shape(larger)];
  return a === undefined || b === undefined ? undefined : `${a}<=${b}`;
}

function truthKey(condition: BoolExpr): string | undefined {
  const budget = { nodes: SHAPE_NODES_MAX };
  const text = conditionShape(condition, budget);
  return budget.nodes < 0 ? undefined : `!${text}`;
}

function forgetOldest(facts: Map<string, unknown> | Set<string>): void {
  if (facts.size <= FACTS_MAX) return;
  const [oldest] = facts.keys();
  if (oldest !== undefined) facts.delete(oldest);
}
