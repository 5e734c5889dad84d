/**
 * The core calculus in words, as an author would have written it: for state diagrams, reference pages and cost tables.
 * For people only: nothing reads it back.
 */
import { GRANT_COMMANDS, GRANT_READS, GRANT_WRITES } from '../runtime.ts';
import type { BoolExpr, Machine, NumberExpr, Program, Reaction, Register, Statement } from '../ir.ts';

/** What expressions are read against. */
export interface Surroundings {
  readonly program: Program;
  /** The register whose access is judged: its fields get their names. */
  readonly register?: Register | undefined;
  /** What each `let` so far stands for. */
  readonly locals?: ReadonlyMap<number, NumberExpr>;
}

const symbols = {
  add: '+', sub: '-', mul: '*', div: '/', mod: '%', and: '&', or: '|', xor: '^',
  addWrap: '+%', subWrap: '-%', mulWrap: '*%', addSat: '+|', subSat: '-|',
} as const; // prettier-ignore

export function numberInWords(expr: NumberExpr, at: Surroundings): string {
  const words = (inner: NumberExpr): string => numberInWords(inner, at);
  const operand = (inner: NumberExpr): string =>
    /^[\w.[\]()]+$/.test(words(inner)) ? words(inner) : `(${words(inner)})`;
  switch (expr.op) {
    case 'const':
      return expr.value < 65536n ? expr.value.toString() : `0x${expr.value.toString(16).toUpperCase()}`;
    case 'scalar':
      return at.program.scalars[expr.scalar]?.name ?? '?';
    case 'element':
      return `${at.program.arrays[expr.array]?.name ?? '?'}[${words(expr.index)}]`;
    case 'lookup':
      return `${at.program.tables[expr.table]?.name ?? '?'}[${words(expr.index)}]`;
    case 'local': {
      const value = at.locals?.get(expr.local);
      return value === undefined ? 'a value' : operand(value);
    }
    case 'place':
      return 'its address';
    case 'argument':
      return expr.argument === 'value' ? (at.register?.name ?? 'value') : expr.argument;
    case 'descriptor':
      return `entry.u${expr.bytes * 8}[${expr.offset}]`;
    case 'extract':
      return `${operand(expr.of)}${bitsInWords(expr, at)}`;
    case 'min':
    case 'max':
      return `${expr.op}(${words(expr.left)}, ${words(expr.right)})`;
    case 'shiftLeft':
      return `${operand(expr.of)} << ${expr.by}`;
    case 'shiftRight':
      return `${operand(expr.of)} >> ${expr.by}`;
    case 'choice':
      return `if ${boolInWords(expr.condition, at)} then ${words(expr.left)} else ${words(expr.right)}`;
    default:
      return `${operand(expr.left)} ${symbols[expr.op]} ${operand(expr.right)}`;
  }
}

function bitsInWords(expr: Extract<NumberExpr, { op: 'extract' }>, { register }: Surroundings): string {
  const { of, low, bits } = expr;
  const whole = of.op === 'argument' && of.argument === 'value';
  const field = whole ? register?.fields.find((each) => each.low === low && each.bits === bits) : undefined;
  if (field !== undefined) return `.${field.name}`;
  return bits === 1 ? `[${low}]` : `[${low + bits - 1}:${low}]`;
}

const comparisons = { eq: '==', ne: '!=', lt: '<', le: '<=' } as const;

export function boolInWords(expr: BoolExpr, at: Surroundings): string {
  const words = (inner: BoolExpr): string => boolInWords(inner, at);
  const operand = (inner: BoolExpr): string =>
    inner.op === 'all' || inner.op === 'any' ? `(${words(inner)})` : words(inner);
  switch (expr.op) {
    case 'bool':
      return String(expr.value);
    case 'not':
      if (expr.of.op === 'eq' || expr.of.op === 'ne')
        return words({ ...expr.of, op: expr.of.op === 'eq' ? 'ne' : 'eq' });
      return `not ${operand(expr.of)}`;
    case 'all':
      return expr.of.length === 0 ? 'true' : expr.of.map(operand).join(' and ');
    case 'any':
      return expr.of.length === 0 ? 'false' : expr.of.map(operand).join(' or ');
    case 'inside': {
      const where = `(${numberInWords(expr.base, at)}, ${numberInWords(expr.length, at)})`;
      const pool = at.program.pools.find((each) => (each.purpose & expr.purposes) !== 0);
      if (pool !== undefined) return `${pool.name}.holds${where}`;
      return `device.${purposesInWords(expr.purposes)}${where}`;
    }
    case 'outsideBars':
      return `outside of all BARs (${numberInWords(expr.base, at)}, ${numberInWords(expr.length, at)})`;
    default:
      return comparisonInWords(expr, at);
  }
}

function comparisonInWords(expr: Extract<BoolExpr, { op: 'eq' | 'ne' | 'lt' | 'le' }>, at: Surroundings): string {
  const { left, right } = expr;
  const machine = at.program.machines.find((each) => holdsState(left, each));
  const state = right.op === 'const' ? machine?.states[Number(right.value)] : undefined;
  const bit = left.op === 'extract' && left.bits === 1 && right.op === 'const' && right.value === 0n;
  if (bit && expr.op === 'ne') return numberInWords(left, at);
  if (bit && expr.op === 'eq') return `not ${numberInWords(left, at)}`;
  return `${numberInWords(left, at)} ${comparisons[expr.op]} ${state ?? numberInWords(right, at)}`;
}

/** Does the expression read this machine's state? (Of an array of engines: the state of any of them.) */
export function holdsState(expr: NumberExpr, machine: Machine): boolean {
  if (expr.op === 'scalar') return machine.array === undefined && expr.scalar === machine.scalar;
  return expr.op === 'element' && expr.array === machine.array?.id;
}

function purposesInWords(purposes: number): string {
  const words = [
    ...(purposes & GRANT_COMMANDS ? ['fetches'] : []),
    ...(purposes & GRANT_READS ? ['reads'] : []),
    ...(purposes & GRANT_WRITES ? ['writes'] : []),
  ];
  return words.join('+');
}

/** One kind of operation that the monitor judges. */
export interface NamedReaction {
  /** `write TDT`, `interrupt`. */
  readonly name: string;
  readonly register: Register | undefined;
  readonly reaction: Reaction;
}

/** Every reaction of the program that has handlers, in the order in which pages show them. */
export function reactionsOf(program: Program): NamedReaction[] {
  const before: Reaction = {
    handlers: program.always.length === 0 ? [] : [{ guard: { op: 'bool', value: true }, body: program.always }],
    otherwise: undefined,
  };
  const all: NamedReaction[] = [
    ...program.registers.flatMap((register) =>
      (['write', 'read', 'report'] as const).map((event) => ({
        name: `${event} ${register.name}`,
        register,
        reaction: register[event],
      })),
    ),
    { name: 'store into command memory', register: undefined, reaction: program.store },
    { name: 'grant', register: undefined, reaction: program.grant },
    { name: 'interrupt', register: undefined, reaction: program.interrupt },
    { name: 'check of the interrupt', register: undefined, reaction: program.check },
    { name: 'time', register: undefined, reaction: program.tick },
    { name: 'before every operation', register: undefined, reaction: before },
  ];
  return all.filter(({ reaction }) => reaction.handlers.length > 0);
}

/** Statements inside a statement. */
export function blocksOf(statement: Statement): readonly (readonly Statement[])[] {
  if (statement.op === 'if') return [statement.consequent, statement.alternative];
  return 'body' in statement ? [statement.body] : [];
}
