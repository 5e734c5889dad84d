/**
 * Freeze sets: registers that must not be written while something goes on (an SD host controller's block size during a
 * transfer). Lowered to one condition before each register's own rules, in every state.
 */
import type * as ast from '../ast.ts';
import type { Context } from './context.ts';
import { elaborateBool } from './expressions.ts';
import { Facts } from './facts.ts';
import { mustBeWritable } from './memory.ts';
import { refusalAction } from './rules.ts';

export function elaborateFreeze(item: ast.ItemOf<'freeze'>, context: Context): void {
  const condition = elaborateBool(item.when, { context, bindings: new Map(), facts: new Facts(), time: true });
  const action = refusalAction(item.action, context);
  const rule = context.rule(item.reason, item.span, action);
  for (const name of item.registers) {
    const register = context.find(name, 'register')?.register;
    if (register === undefined || !mustBeWritable(register, name.span, context)) continue;
    if (context.engine !== undefined && register.engine !== context.engine.draft) {
      context.diagnostics.add('DSS142', { name: register.name, engine: context.engine.name }, name.span, {
        labels: [{ span: register.declaration.name.span, text: 'declared here' }],
      });
      continue;
    }
    if (condition === undefined) continue;
    register.frozen.push({ op: action === 'log' ? 'note' : 'require', condition: { op: 'not', of: condition }, rule });
  }
}
