/**
 * What the statements of one handler share: the names bound so far, what is known about values, the locals used.
 *
 * Names end with the block that binds them: `bind` keeps a journal, `unbind` plays it back.
 */
import type * as ast from '../ast.ts';
import type { Statement } from '../ir.ts';
import { kindName, type Context } from './context.ts';
import type { Binding, Scope } from './expressions.ts';
import type { Facts } from './facts.ts';

/** Everything a handler's statements share. */
export interface HandlerScope {
  readonly context: Context;
  readonly bindings: Map<string, Binding>;
  /** What each name meant before it was bound, in the order of binding: a block's end takes its own bindings back. */
  readonly journal: (readonly [name: string, before: Binding | undefined])[];
  facts: Facts;
  locals: number;
}

/** Lowers a block of statements; passed along, so that loops need not know who lowers their bodies. */
export type LowerBlock = (statements: readonly ast.Statement[], handler: HandlerScope) => Statement[];

export function scopeOf(handler: HandlerScope): Scope {
  return { context: handler.context, bindings: handler.bindings, facts: handler.facts, access: true };
}

export function bind(name: ast.Name, binding: Binding, handler: HandlerScope): void {
  const bound = handler.bindings.get(name.text);
  const symbol = handler.context.symbols.get(name.text);
  const earlier = bound ?? symbol;
  if (earlier !== undefined) {
    const kind = bound === undefined && symbol !== undefined ? kindName(symbol) : 'name';
    handler.context.diagnostics.add('DSS102', { name: name.text, kind }, name.span, {
      labels: [{ span: earlier.span, text: 'declared here first' }],
    });
  }
  handler.journal.push([name.text, bound]);
  handler.bindings.set(name.text, binding);
}

/** Takes back what was bound since the journal had `mark` entries. */
export function unbind(mark: number, handler: HandlerScope): void {
  while (handler.journal.length > mark) {
    const [name, before] = handler.journal.pop() ?? [''];
    if (before === undefined) handler.bindings.delete(name);
    else handler.bindings.set(name, before);
  }
}
