/**
 * The interrupt clause, lowered to handlers over an ordinary machine (Nexus's interrupt-flag automaton).
 *
 * An interrupt makes the flag CardNotChecked; reading the cause register makes it NotMine or MineNotAcked (or MineAcked,
 * where reading acknowledges); the acknowledging write makes it MineAcked. The check after the driver's turn denies
 * CardNotChecked and MineNotAcked. A bucket of credit bounds the rate.
 */
import type * as ast from '../ast.ts';
import { INTERRUPT_STATES, type BoolExpr, type NumberExpr, type Reaction, type Statement } from '../ir.ts';
import type { DeviceStep, InterruptPlan } from '../runtime.ts';
import { isReadable, isWritable, maxOf, show, type Context } from './context.ts';
import type { RegisterDraft } from './symbols.ts';
import { addMachine } from './variables.ts';
import { elaborateBool, elaborateConstant } from './expressions.ts';
import { constant, type Binding } from './values.ts';
import { Facts } from './facts.ts';
import { hasUnit } from './limits.ts';
import { elaborateSteps } from './steps.ts';
import { newBucket, RATE_MAX, takeCredit } from './token-bucket.ts';

export const DEADLINE_US_MAX = 10_000_000n;

export interface InterruptParts {
  readonly plan: InterruptPlan | undefined;
  readonly interrupt: Reaction;
  readonly check: Reaction;
  /** Statements to run before a register's own handlers. */
  readonly before: (register: RegisterDraft, event: 'write' | 'report') => readonly Statement[];
}

const nothing: Reaction = { handlers: [], otherwise: undefined };
const always: BoolExpr = { op: 'bool', value: true };

export function elaborateInterrupt(
  item: ast.ItemOf<'interrupt'> | undefined,
  device: ast.Device,
  context: Context,
): InterruptParts {
  const unexpected = context.rule('the specification says nothing about interrupts', device.name.span);
  if (item === undefined) {
    return { plan: undefined, interrupt: { handlers: [], otherwise: unexpected }, check: nothing, before: () => [] };
  }
  reportRepeated(item.clauses, context);
  reportMissing(item, context);
  const cause = item.cause === undefined ? undefined : context.find(item.cause, 'register')?.register;
  const deadline =
    item.deadline === undefined || !hasUnit(item.deadline, 'time', context)
      ? undefined
      : bounded(item.deadline, 'the deadline', DEADLINE_US_MAX, context);
  const rate = item.rate === undefined ? undefined : bounded(item.rate, 'the rate', RATE_MAX, context);
  const burst = item.burst === undefined ? rate : bounded(item.burst, 'the burst', RATE_MAX, context);
  const acknowledge =
    item.acknowledge === undefined ? cause : context.find(item.acknowledge.register, 'register')?.register;
  const acknowledgeEvent = item.acknowledge?.event === 'write' ? 'write' : 'report';
  const mask: DeviceStep[] = elaborateSteps(item.mask, context);
  const index = addMachine({ span: item.span, text: 'interrupt' }, INTERRUPT_STATES, context);
  INTERRUPT_STATES.forEach((_, state) => context.entered.add(`${index}.${state}`));
  context.tested.add(index);
  const flag = context.machines[index]?.scalar ?? 0;
  if (
    cause === undefined ||
    deadline === undefined ||
    rate === undefined ||
    burst === undefined ||
    acknowledge === undefined
  ) {
    return { plan: undefined, interrupt: nothing, check: nothing, before: () => [] };
  }
  if (cause.count !== 1) context.diagnostics.add('DSS110', { name: cause.name }, item.cause?.span ?? item.span);
  if (item.cause !== undefined) mustAllow('read', cause, item.cause, context);
  if (item.acknowledge !== undefined)
    mustAllow(item.acknowledge.event, acknowledge, item.acknowledge.register, context);

  const is = (state: (typeof INTERRUPT_STATES)[number]): BoolExpr => ({
    op: 'eq',
    left: context.readScalar(flag),
    right: constant(BigInt(INTERRUPT_STATES.indexOf(state))),
  });
  const become = (state: (typeof INTERRUPT_STATES)[number]): Statement => ({
    op: 'set',
    scalar: flag,
    value: constant(BigInt(INTERRUPT_STATES.indexOf(state))),
  });

  const mine = causeCondition(item, cause, context);
  const acknowledgedByReading = acknowledgeEvent === 'report' && acknowledge === cause;
  const proveCause: Statement = {
    op: 'if',
    condition: is('CardNotChecked'),
    consequent: [
      {
        op: 'if',
        condition: mine,
        consequent: [become(acknowledgedByReading ? 'MineAcked' : 'MineNotAcked')],
        alternative: [become('NotMine')],
      },
    ],
    alternative: [],
  };
  const proveAcknowledged: Statement = {
    op: 'if',
    condition: is('MineNotAcked'),
    consequent: [become('MineAcked')],
    alternative: [],
  };

  const place = item.deadline?.span ?? item.span;
  const unread = context.rule(`the interrupt's cause was not read from \`${cause.name}\` in time`, place);
  const unacknowledged = context.rule('the interrupt was not acknowledged in time', place);
  return {
    plan: { deadlineUs: Number(deadline), mask },
    interrupt: {
      handlers: [{ guard: always, body: [...rateLimit(rate, burst, item, context), become('CardNotChecked')] }],
      otherwise: undefined,
    },
    check: {
      handlers: [
        {
          guard: always,
          body: [
            { op: 'require', condition: { op: 'not', of: is('CardNotChecked') }, rule: unread },
            { op: 'require', condition: { op: 'not', of: is('MineNotAcked') }, rule: unacknowledged },
            become('None'),
          ],
        },
      ],
      otherwise: undefined,
    },
    before: (register, event) => [
      ...(event === 'report' && register === cause ? [proveCause] : []),
      ...(event === acknowledgeEvent && register === acknowledge && !acknowledgedByReading ? [proveAcknowledged] : []),
    ],
  };
}

/** A register that can never be read proves no cause. */
function mustAllow(event: 'read' | 'write', register: RegisterDraft, name: ast.Name, context: Context): void {
  if (event === 'read' ? isReadable(register.access) : isWritable(register.access)) return;
  const what = event === 'read' ? 'a read of' : 'a write to';
  context.diagnostics.add('DSS302', { event: what, register: register.name, mode: register.access }, name.span, {
    labels: [{ span: register.declaration.modeSpan, text: 'declared here' }],
    help: 'name the register that the driver really accesses',
  });
}

/** A clause that is written twice: the first would silently not count. */
export function reportRepeated(clauses: readonly ast.Name[], context: Context): void {
  const seen = new Map<string, ast.Name>();
  for (const clause of clauses) {
    const first = seen.get(clause.text);
    if (first === undefined) seen.set(clause.text, clause);
    else {
      context.diagnostics.add('DSS303', { clause: clause.text }, clause.span, {
        labels: [{ span: first.span, text: 'the first is here' }],
      });
    }
  }
}

function reportMissing(item: ast.ItemOf<'interrupt'>, context: Context): void {
  const clauses = [
    ...(item.cause === undefined ? ['cause'] : []),
    ...(item.deadline === undefined ? ['acknowledge within'] : []),
    ...(item.rate === undefined ? ['at most ... per second'] : []),
  ];
  const header = { start: item.span.start, end: item.span.start + 'interrupt'.length };
  if (clauses.length > 0 && !context.incomplete)
    context.diagnostics.add('DSS305', { clauses, of: 'interrupt' }, header);
}

function bounded(expression: ast.Expression, what: string, max: bigint, context: Context): bigint | undefined {
  const value = elaborateConstant(expression, context, what);
  if (value === undefined || (value >= 1n && value <= max)) return value;
  context.diagnostics.add('DSS212', { what, min: '1', max: show(max), found: show(value) }, expression.span);
  return undefined;
}

/** When the cause register's value says that the interrupt is ours; by default, when it is not zero. */
function causeCondition(item: ast.ItemOf<'interrupt'>, cause: RegisterDraft, context: Context): BoolExpr {
  const max = maxOf(cause.bits);
  const expr: NumberExpr = { op: 'argument', argument: 'value', max };
  const nonZero: BoolExpr = { op: 'ne', left: expr, right: constant(0n) };
  if (item.causeWhen === undefined || item.causeValue === undefined) return nonZero;
  const binding: Binding = {
    kind: 'value',
    value: { type: 'number', expr, min: 0n, max, bits: cause.bits, fields: cause.fields },
    span: item.causeValue.span,
  };
  const bindings = new Map([[item.causeValue.text, binding]]);
  return elaborateBool(item.causeWhen, { context, bindings, facts: new Facts(), access: true }) ?? nonZero;
}

function rateLimit(rate: bigint, burst: bigint, item: ast.ItemOf<'interrupt'>, context: Context): Statement[] {
  const rule = context.rule(`more than ${rate} interrupts a second`, item.rate?.span ?? item.span);
  return takeCredit(newBucket('interrupt', rate, burst, context), rule, { local: 0 }, context);
}
