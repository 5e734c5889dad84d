/**
 * Names in expressions, and members of what they name: `v`, `v.FIELD`, `d.field`, `REG.written`, `REG[i].reported`.
 */
import type * as ast from '../ast.ts';
import { didYouMean } from '../diagnostics.ts';
import type { NumberExpr } from '../ir.ts';
import { extract } from './bits.ts';
import { readCell } from './cells.ts';
import { bitLength, isReadable, isWritable, maxOf, type Context } from './context.ts';
import { kindName, type RegisterDraft, type StructField } from './symbols.ts';
import { elaborate } from './expressions.ts';
import { elementIndex, engineMember, placeOf, readPlace } from './places.ts';
import { lastValueCell } from './registers.ts';
import {
  constant,
  known,
  number,
  type Binding,
  type BoolValue,
  type NumberValue,
  type Scope,
  type Value,
} from './values.ts';
import type { Cell } from './symbols.ts';

export function elaborateName(name: ast.Name, scope: Scope): Value {
  const { context } = scope;
  const binding = scope.bindings.get(name.text);
  if (binding?.kind === 'value') return binding.value.type === 'number' ? known(binding.value, scope) : binding.value;
  if (binding?.kind === 'descriptor') {
    context.diagnostics.add('DSS106', { name: name.text, kind: 'descriptor' }, name.span, {
      help: `name one of its fields: \`${name.text}.field\``,
    });
    return undefined;
  }
  if (binding?.kind === 'mutable') return cellValue(binding, scope);
  if (binding?.kind === 'unknown') return undefined;
  const symbol = context.symbol(name.text);
  if (symbol === undefined) {
    if (context.isBeingEvaluated(name.text)) context.diagnostics.add('DSS113', { name: name.text }, name.span);
    else if (!explainUnknown(name, scope))
      context.unknown(name, 'value', () => [
        ...scope.bindings.keys(),
        ...context.namesOf('variable'),
        ...context.namesOf('constant'),
      ]);
    return undefined;
  }
  context.used.add(name.text);
  switch (symbol.kind) {
    case 'constant':
      return number(constant(symbol.value), { min: symbol.value, max: symbol.value }, bitLength(symbol.value));
    case 'variable':
      return cellValue(symbol, scope);
    case 'array':
    case 'table':
    case 'engine':
      context.diagnostics.add('DSS140', { kind: kindName(symbol), name: name.text }, name.span);
      return undefined;
    case 'clock':
      context.diagnostics.add('DSS106', { name: name.text, kind: 'clock' }, name.span, {
        help: `say how long it has run: \`elapsed(${name.text})\``,
      });
      return undefined;
    case 'register':
      context.diagnostics.add('DSS106', { name: name.text, kind: 'register' }, name.span, {
        help: `say which value: \`${name.text}.written\` or \`${name.text}.reported\``,
      });
      return undefined;
    case 'machine':
      context.diagnostics.add('DSS106', { name: name.text, kind: 'machine' }, name.span, {
        help: `compare it with a state: \`${name.text} == ${symbol.machine.states[0] ?? 'State'}\``,
      });
      return undefined;
    default:
      context.diagnostics.add('DSS106', { name: name.text, kind: kindName(symbol) }, name.span);
      return undefined;
  }
}

/** Names that mean something, though not by themselves. @returns false if this is none of them */
function explainUnknown(name: ast.Name, { context, bindings, hasValue }: Scope): boolean {
  const { text, span } = name;
  if (text === '' || context.isLost(text) || context.diagnostics.full) return false;
  for (const [of, symbol] of context.symbols) {
    if (symbol.kind !== 'machine' || !symbol.machine.states.includes(text)) continue;
    context.diagnostics.add('DSS114', { state: text, machine: of }, span);
    return true;
  }
  for (const [of, binding] of bindings) {
    const fields = binding.kind === 'value' && binding.value.type === 'number' ? (binding.value.fields ?? []) : [];
    const inStruct = binding.kind === 'descriptor' && binding.struct.fields.has(text);
    if (!inStruct && !fields.some((each) => each.name === text)) continue;
    context.diagnostics.add('DSS115', { field: text, of }, span);
    return true;
  }
  const named = [...bindings.values()].some(({ ...each }) => each.kind === 'value' && isOperationsValue(each.value));
  if (hasValue !== true || named || !/^(v|val|value|data|x)$/.test(text)) return false;
  context.diagnostics.add('DSS116', { name: text }, span);
  return true;
}

const isOperationsValue = (value: NumberValue | BoolValue): boolean =>
  value.type === 'number' && value.expr.op === 'argument' && value.expr.argument === 'value';

/** What a variable or a `mut` number holds. */
function cellValue({ cell, bits }: { readonly cell: Cell; readonly bits: number }, scope: Scope): NumberValue {
  const expr = readCell(cell, scope.context);
  return known(number(expr, { min: 0n, max: expr.max }, bits), scope);
}

/** `v.FIELD`, `d.field`, `REG.written`, `REG.reported`. */
export function elaborateMember(expression: Extract<ast.Expression, { kind: 'member' }>, scope: Scope): Value {
  const { of, member } = expression;
  if (of.kind === 'name') {
    const binding = scope.bindings.get(of.name.text);
    if (binding?.kind === 'descriptor') return descriptorField(binding, of.name, member, scope);
    const symbol = binding === undefined ? scope.context.symbols.get(of.name.text) : undefined;
    if (symbol?.kind === 'register') {
      scope.context.used.add(of.name.text);
      return lastValue(symbol.register, member, undefined, scope);
    }
  }
  if (of.kind === 'index' && of.of.kind === 'name' && !scope.bindings.has(of.of.name.text)) {
    const symbol = scope.context.symbols.get(of.of.name.text);
    if (symbol?.kind === 'register' && symbol.register.declaration.count !== undefined) {
      scope.context.used.add(of.of.name.text);
      const index = elementIndex(of.index, symbol.register.count, of.of.name.text, scope);
      return index === undefined ? undefined : lastValue(symbol.register, member, index, scope);
    }
  }
  const place = placeOf(expression, scope);
  if (place !== 'none') {
    const expr = place === undefined ? undefined : readPlace(place, expression.span, scope.context);
    if (place === undefined || expr === undefined) return undefined;
    return known(number(expr, { min: 0n, max: expr.max }, place.bits), scope);
  }
  const inEngine = engineMember(expression, scope);
  if (inEngine !== 'none') {
    if (inEngine !== undefined)
      scope.context.diagnostics.add('DSS106', { name: inEngine.name, kind: kindName(inEngine.symbol) }, member.span);
    return undefined;
  }
  const value = elaborate(of, scope);
  if (value === undefined) return undefined;
  const fields = value.type === 'number' ? (value.fields ?? []) : [];
  const field = fields.find((each) => each.name === member.text);
  if (value.type === 'bool' || field === undefined) {
    noMember(
      member,
      `\`${scope.context.text(of.span)}\``,
      fields.map((each) => each.name),
      scope.context,
    );
    return undefined;
  }
  return extract(value, field.low, field.bits, scope);
}

export function noMember(member: ast.Name, of: string, candidates: Iterable<string>, context: Context): void {
  if (member.text === '') return; // invented by the parser's recovery
  const close = didYouMean(member.text, candidates);
  context.diagnostics.add('DSS104', { member: member.text, of }, member.span, {
    help: close === undefined ? undefined : `did you mean \`${close}\`?`,
  });
}

function descriptorField(
  binding: Extract<Binding, { kind: 'descriptor' }>,
  name: ast.Name,
  member: ast.Name,
  scope: Scope,
): Value {
  const field: StructField | undefined = binding.struct.fields.get(member.text);
  if (field === undefined) {
    noMember(member, `descriptor \`${name.text}\``, binding.struct.fields.keys(), scope.context);
    return undefined;
  }
  const whole: NumberExpr = {
    op: 'descriptor',
    walk: binding.walk,
    offset: field.offset,
    bytes: field.bytes,
    max: maxOf(field.bytes * 8),
  };
  const value = number(whole, { min: 0n, max: whole.max }, field.bits);
  return known({ ...value, fields: field.fields }, scope);
}

/** @param index the element; without one that of the engine, or that of a register that is no array */
function lastValue(
  register: RegisterDraft,
  member: ast.Name,
  index: NumberExpr | 'all' | undefined,
  scope: Scope,
): Value {
  const { context } = scope;
  if (member.text !== 'written' && member.text !== 'reported') {
    noMember(member, `register \`${register.name}\``, ['written', 'reported'], context);
    return undefined;
  }
  if (index === undefined && register.declaration.count !== undefined && register.engine === undefined) {
    context.diagnostics.add('DSS110', { name: register.name }, member.span);
    return undefined;
  }
  if (index === 'all') {
    context.diagnostics.add('DSS144', {}, member.span);
    return undefined;
  }
  const happens = member.text === 'written' ? isWritable(register.access) : isReadable(register.access);
  if (!happens) {
    const { name, access: mode } = register;
    context.diagnostics.add('DSS425', { name, mode, which: member.text }, member.span, {
      labels: [{ span: register.declaration.modeSpan, text: 'declared here' }],
    });
  }
  const expr = readCell(lastValueCell(register, member.text, context), context, index);
  return known({ ...number(expr, { min: 0n, max: expr.max }, register.bits), fields: register.fields }, scope);
}
