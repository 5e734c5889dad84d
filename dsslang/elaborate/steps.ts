/** The sequences that the RVM runs by itself: reset and mask. Known completely when compiling. */
import type * as ast from '../ast.ts';
import type { DeviceStep } from '../runtime.ts';
import { isReadable, maxOf, show, type Context, type RegisterDraft } from './context.ts';
import { elaborateConstant, noMember } from './expressions.ts';
import type { Span } from '../source.ts';

/** A wait or a delay longer than this is refused: reset must end soon. */
export const STEP_TIME_US_MAX = 10_000_000n;
export const STEPS_MAX = 256;

export function elaborateSteps(steps: readonly ast.StepDeclaration[], context: Context): DeviceStep[] {
  const first = steps[STEPS_MAX];
  if (first !== undefined)
    context.diagnostics.add('DSS310', { name: 'steps', count: steps.length, max: STEPS_MAX }, first.span);
  return steps.flatMap((step) => (step === undefined ? [] : elaborateStep(step, context)));
}

function target(
  name: ast.Name,
  index: ast.Expression | undefined,
  context: Context,
): { register: RegisterDraft; offset: number } | undefined {
  const register = context.find(name, 'register')?.register;
  if (register === undefined) return undefined;
  if (index === undefined) {
    if (register.count !== 1) {
      context.diagnostics.add('DSS110', { name: name.text }, name.span);
      return undefined;
    }
    return { register, offset: register.offset };
  }
  if (register.declaration.count === undefined) {
    context.diagnostics.add('DSS111', { name: name.text }, index.span);
    return undefined;
  }
  const element = elaborateConstant(index, context, 'the element');
  if (element === undefined) return undefined;
  if (element >= BigInt(register.count)) {
    context.diagnostics.add(
      'DSS212',
      { what: 'the element', min: '0', max: show(BigInt(register.count - 1)), found: show(element) },
      index.span,
    );
    return undefined;
  }
  return { register, offset: register.offset + Number(element) * register.stride };
}

function time(expression: ast.Expression, context: Context): number | undefined {
  const value = elaborateConstant(expression, context, 'the time');
  if (value === undefined) return undefined;
  if (value > STEP_TIME_US_MAX) {
    context.diagnostics.add(
      'DSS212',
      { what: 'the time', min: '0us', max: '10s', found: `${value}us` },
      expression.span,
    );
    return undefined;
  }
  return Number(value);
}

function elaborateStep(step: ast.StepDeclaration, context: Context): DeviceStep[] {
  if (step.kind === 'delay') {
    const us = time(step.time, context);
    return us === undefined ? [] : [{ step: 'delay', us }];
  }
  const at = target(step.register, step.kind === 'wait' ? undefined : step.index, context);
  if (at === undefined) return [];
  const { register, offset } = at;
  const place = { space: register.space, offset, width: register.width };
  // The kernel itself may do what the driver may not, but not what the device cannot.
  const possible =
    step.kind === 'write' ? register.access !== 'ro' && register.access !== 'rc' : isReadable(register.access);
  if (!possible) {
    const verb = step.kind === 'wait' ? 'read' : step.kind;
    context.diagnostics.add('DSS312', { name: register.name, mode: register.access, verb }, step.register.span, {
      labels: [{ span: register.declaration.modeSpan, text: 'declared here' }],
    });
    return [];
  }
  if (step.kind === 'read') return [{ step: 'read', ...place }];
  if (step.kind === 'write') {
    const value = elaborateConstant(step.value, context, 'the value');
    if (value === undefined) return [];
    if (value > maxOf(register.bits)) {
      context.diagnostics.add(
        'DSS203',
        { value: show(value), bits: register.bits, holds: `\`${register.name}\`` },
        step.value.span,
      );
      return [];
    }
    if (!exact(value, 'the value', step.value.span, context)) return [];
    return [{ step: 'write', ...place, value: Number(value) }];
  }
  return elaborateWait(step, register, place, context);
}

/** A step's numbers are JavaScript numbers: beyond 2^53 they would not be what the author wrote. */
function exact(value: bigint, what: string, place: Span, context: Context): boolean {
  const max = maxOf(53);
  if (value <= max) return true;
  context.diagnostics.add('DSS212', { what, min: '0', max: show(max), found: show(value) }, place);
  return false;
}

function elaborateWait(
  step: Extract<ast.StepDeclaration, { kind: 'wait' }>,
  register: RegisterDraft,
  place: { space: number; offset: number; width: RegisterDraft['width'] },
  context: Context,
): DeviceStep[] {
  const timeoutUs = time(step.timeout, context);
  const equals = elaborateConstant(step.equals, context, 'the value');
  let low = 0;
  let bits = register.bits;
  let holds = register.name;
  if (step.field !== undefined) {
    const name = step.field;
    const field = register.fields.find((each) => each.name === name.text);
    if (field === undefined) {
      noMember(
        name,
        `register \`${register.name}\``,
        register.fields.map((each) => each.name),
        context,
      );
      return [];
    }
    ({ low, bits } = field);
    holds = `${register.name}.${field.name}`;
  }
  if (timeoutUs === undefined || equals === undefined) return [];
  if (equals > maxOf(bits)) {
    context.diagnostics.add('DSS203', { value: show(equals), bits, holds: `\`${holds}\`` }, step.equals.span);
    return [];
  }
  const shift = BigInt(low);
  if (!exact(maxOf(bits) << shift, 'the mask of the bits waited for', step.register.span, context)) return [];
  return [{ step: 'wait', ...place, mask: Number(maxOf(bits) << shift), equals: Number(equals << shift), timeoutUs }];
}
