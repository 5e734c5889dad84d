/** Looking through the tree, whatever its names mean: for a name, for statements. */
import type * as ast from './ast.ts';

/** Does the name stand anywhere in that part of the tree, but as a member of something else? */
export function mentions(node: unknown, name: string): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if (Array.isArray(node)) return node.some((each) => mentions(each, name));
  const { text, kind } = node as { readonly text?: unknown; readonly kind?: unknown };
  if (text === name && kind === undefined) return true;
  return Object.entries(node).some(([key, each]) => key !== 'member' && key !== 'state' && mentions(each, name));
}

/** Every statement, also those in blocks. */
export function eachStatement(statements: readonly ast.Statement[], visit: (statement: ast.Statement) => void): void {
  for (const statement of statements) {
    if (statement === undefined) continue; // recovery leaves holes
    visit(statement);
    if ('body' in statement) eachStatement(statement.body, visit);
    if (statement.kind !== 'if') continue;
    eachStatement(statement.consequent, visit);
    eachStatement(statement.alternative, visit);
  }
}
