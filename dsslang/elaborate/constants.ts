/**
 * `const`: evaluated in the order in which they need each other.
 */
import type * as ast from '../ast.ts';
import type { Context } from './context.ts';
import { elaborateConstant } from './expressions.ts';

/** Constants in any order: one that is needed by another is evaluated before it. */
export function declareConstants(items: readonly ast.ItemOf<'const'>[], context: Context): void {
  const evaluating = new Map<string, ast.ItemOf<'const'>>();
  context.evaluateConstant = (item) => {
    evaluating.set(item.name.text, item);
    const value = elaborateConstant(item.value, context, 'the value of a `const`');
    evaluating.delete(item.name.text);
    if (value !== undefined) context.declare(item.name, { kind: 'constant', span: item.name.span, value });
    else if (!context.symbols.has(item.name.text)) context.broken.add(item.name.text);
  };
  context.isBeingEvaluated = (name) => evaluating.has(name);
  for (const item of items) {
    if (!context.pendingConstants.has(item.name.text)) context.pendingConstants.set(item.name.text, item);
  }
  for (const item of items) {
    if (context.pendingConstants.get(item.name.text) === item) context.symbol(item.name.text);
    else if (context.symbols.get(item.name.text)?.span !== item.name.span) {
      context.evaluateConstant(item); // a second one of that name: reports so
    }
  }
}
