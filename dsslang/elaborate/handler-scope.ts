/**
 * What the statements of one handler share: the names bound so far, what is known about values, the locals used.
 *
 * Names end with the block that binds them: `bind` keeps a journal, `unbind` plays it back.
 */
import type * as ast from '../ast.ts';
import type { Statement } from '../ir.ts';
import type { Context } from './context.ts';
import { kindName, type RegisterDraft } from './symbols.ts';
import type { Binding, Scope } from './values.ts';
import type { Facts } from './facts.ts';

/** Everything a handler's statements share. */
export interface HandlerScope {
  readonly context: Context;
  readonly bindings: Map<string, Binding>;
  /** What each name meant before it was bound, in the order of binding: a block's end takes its own bindings back. */
  readonly journal: (readonly [name: string, before: Binding | undefined])[];
  facts: Facts;
  locals: number;
  /** Every transition that some statement makes; for the lints. */
  readonly transitions: { readonly machine: number; readonly state: number }[];
  /** Is the time known? Not when memory is granted. */
  readonly time: boolean;
  /** The register that is accessed; none if the event is the device's. */
  readonly register: RegisterDraft | undefined;
  /** Does the operation bring a value, which a rule may clamp? */
  readonly hasValue: boolean;
}

/** Lowers a block of statements; passed along, so that loops need not know who lowers their bodies. */
export type LowerBlock = (statements: readonly ast.Statement[], handler: HandlerScope) => Statement[];

export function scopeOf(handler: HandlerScope): Scope {
  const { context, bindings, facts, time, hasValue } = handler;
  return { context, bindings, facts, time, access: handler.register !== undefined, hasValue };
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
