/**
 * What a body of statements assigns, and whether a denial can follow: what an emitter must know to make it a transaction.
 *
 * If nothing can be denied after the first assignment, a body may assign the state in place. Else scalars are worked on as
 * copies, and arrays are kept aside before their first assignment, to be brought back by a denial.
 */
import type { ArrayId, BoolExpr, LocalId, NumberExpr, ScalarId, Statement } from '../ir.ts';

export interface Assigned {
  readonly scalars: ReadonlySet<ScalarId>;
  readonly arrays: ReadonlySet<ArrayId>;
}

/** The statements that a statement holds, branches first to last. */
function inner(statement: Statement): readonly (readonly Statement[])[] {
  switch (statement.op) {
    case 'if':
      return [statement.consequent, statement.alternative];
    case 'walk':
    case 'table':
    case 'list':
      return [statement.body];
    default:
      return [];
  }
}

/** Is there a statement, however deep, of which this holds? */
function some(statements: readonly Statement[], holds: (statement: Statement) => boolean): boolean {
  return statements.some((each) => holds(each) || inner(each).some((body) => some(body, holds)));
}

/** Everything that the statements assign. */
export function assigned(statements: readonly Statement[]): Assigned {
  const scalars = new Set<ScalarId>();
  const arrays = new Set<ArrayId>();
  some(statements, (statement) => {
    if (statement.op === 'set') scalars.add(statement.scalar);
    if (statement.op === 'setElement' || statement.op === 'fill') arrays.add(statement.array);
    return false;
  });
  return { scalars, arrays };
}

const assigns = (statement: Statement): boolean =>
  statement.op === 'set' || statement.op === 'setElement' || statement.op === 'fill';

/** Can a denial follow an assignment? Loops deny by themselves, and their bodies run more than once. */
export function deniesAfterSet(statements: readonly Statement[]): boolean {
  let set = false;
  const visit = (list: readonly Statement[]): boolean => {
    for (const statement of list) {
      if (assigns(statement)) set = true;
      else if (statement.op === 'require' && set) return true;
      else if (statement.op === 'if') {
        const before = set;
        if (visit(statement.consequent)) return true;
        const afterThen = set;
        set = before;
        if (visit(statement.alternative)) return true;
        set ||= afterThen;
      } else if (statement.op === 'walk' || statement.op === 'table' || statement.op === 'list') {
        if (set || some(statement.body, assigns) || visit(statement.body)) return true;
      }
    }
    return false;
  };
  return visit(statements);
}

/** May the operation pass with a note? */
export function notes(statements: readonly Statement[]): boolean {
  return some(statements, ({ op }) => op === 'note' || op === 'clamp');
}

/** Is the place of this walk's descriptor asked for inside? */
export function wantsPlace(inside: readonly Statement[] | NumberExpr | BoolExpr, walk: LocalId): boolean {
  if (typeof inside !== 'object') return false;
  if ('op' in inside && inside.op === 'place' && inside.walk === walk) return true;
  return Object.values(inside).some((part: unknown) => wantsPlace(part as NumberExpr, walk));
}

/** A field of a walk's descriptor, as `offset:bytes`. */
export const fieldKey = (offset: number, bytes: number): string => `${offset}:${bytes}`;

/** Fields of at most 4 bytes of this walk's descriptor that a body reads more than once. */
export function fieldsReadTwice(body: readonly Statement[], walk: LocalId): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    const node = part as Partial<Extract<NumberExpr, { op: 'descriptor' }>>;
    if (node.op === 'descriptor' && node.walk === walk) {
      const key = fieldKey(node.offset ?? 0, node.bytes ?? 8);
      if (node.bytes !== 8) (seen.has(key) ? twice : seen).add(key);
    }
    Object.values(part).forEach(visit);
  };
  visit(body);
  return twice;
}
