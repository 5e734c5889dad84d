/** The sequences that the RVM runs by itself: reset and mask. Known completely when compiling. */
import type * as ast from '../ast.ts';
import type { DeviceStep } from '../runtime.ts';
import { isReadable, maxOf, show, type Context } from './context.ts';
import type { RegisterDraft } from './symbols.ts';
import { hasUnit } from './limits.ts';
import { elaborateConstant } from './expressions.ts';
import { noMember } from './names.ts';
import { isAll } from './places.ts';
import type { Span } from '../source.ts';

/** A wait or a delay longer than this is refused: reset must end soon. */
export const STEP_TIME_US_MAX = 10_000_000n;
export const STEPS_MAX = 256;

export function elaborateSteps(steps: readonly ast.StepDeclaration[], context: Context): DeviceStep[] {
  const elaborated = steps.flatMap((step) => (step === undefined ? [] : elaborateStep(step, context)));
  // Counted as they run: `[all]` is one step for each element.
  const count = Math.max(steps.length, elaborated.length);
  const place = steps[Math.min(STEPS_MAX, steps.length - 1)]?.span;
  if (count > STEPS_MAX && place !== undefined)
    context.diagnostics.add('DSS310', { name: 'steps', count, max: STEPS_MAX }, place);
  return elaborated;
}

/** A register, its elements' offsets, and the name of the field that is meant. */
interface Target {
  readonly register: RegisterDraft;
  readonly offsets: readonly number[];
  readonly field: ast.Name | undefined;
  /** What the register is called where it stands. */
  readonly name: ast.Name;
}

function target(step: ast.StepTarget, context: Context): Target | undefined {
  const { index, members } = step;
  const symbol = context.symbols.get(step.register.text);
  if (symbol?.kind === 'engine') {
    const [name, field] = members;
    context.used.add(step.register.text);
    const member = name === undefined ? undefined : symbol.engine.members.get(name.text);
    if (index === undefined || name === undefined) {
      context.diagnostics.add('DSS140', { kind: 'engine', name: step.register.text }, step.register.span, {
        help: `write \`${step.register.text}[index].REGISTER\``,
      });
      return undefined;
    }
    if (member?.kind !== 'register') {
      const registers = [...symbol.engine.members].filter(([, each]) => each.kind === 'register').map(([each]) => each);
      noMember(name, `engine \`${step.register.text}\``, registers, context);
      return undefined;
    }
    context.used.add(name.text);
    return elements(member.register, index, field, name, context);
  }
  const register = context.find(step.register, 'register')?.register;
  if (register === undefined) return undefined;
  const [field] = members;
  if (register.declaration.count === undefined && index !== undefined) {
    context.diagnostics.add('DSS111', { name: step.register.text }, index.span);
    return undefined;
  }
  if (register.count !== 1 && index === undefined) {
    context.diagnostics.add('DSS110', { name: step.register.text }, step.register.span);
    return undefined;
  }
  return elements(register, index, field, step.register, context);
}

function elements(
  register: RegisterDraft,
  index: ast.Expression | undefined,
  field: ast.Name | undefined,
  name: ast.Name,
  context: Context,
): Target | undefined {
  const offset = (element: number): number => register.offset + element * register.stride;
  if (index === undefined) return { register, offsets: [offset(0)], field, name };
  if (isAll(index))
    return { register, offsets: Array.from({ length: register.count }, (_, at) => offset(at)), field, name };
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
  return { register, offsets: [offset(Number(element))], field, name };
}

function time(expression: ast.Expression, context: Context): number | undefined {
  if (!hasUnit(expression, 'time', context)) return undefined;
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
  const at = target(step, context);
  if (at === undefined) return [];
  const { register, offsets, field } = at;
  // The kernel itself may do what the driver may not, but not what the device cannot.
  const possible =
    step.kind === 'write' ? register.access !== 'ro' && register.access !== 'rc' : isReadable(register.access);
  if (!possible) {
    const verb = step.kind === 'wait' ? 'read' : step.kind;
    context.diagnostics.add('DSS312', { name: register.name, mode: register.access, verb }, at.name.span, {
      labels: [{ span: register.declaration.modeSpan, text: 'declared here' }],
    });
    return [];
  }
  if (step.kind !== 'wait' && field !== undefined) {
    noMember(field, `step \`${step.kind}\``, [], context);
    return [];
  }
  const places = offsets.map((offset) => ({ space: register.space, offset, width: register.width }));
  if (step.kind === 'read') return places.map((place) => ({ step: 'read', ...place }));
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
    if ((value & register.reservedMask) !== 0n) {
      const { reservedSpan } = register;
      context.diagnostics.add('DSS316', { name: register.name }, step.value.span, {
        labels: reservedSpan === undefined ? [] : [{ span: reservedSpan, text: 'these bits are reserved' }],
      });
      return [];
    }
    return places.map((place) => ({ step: 'write', ...place, value: Number(value) }));
  }
  return elaborateWait(step, at, places, context);
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
  { register, field: name, name: written }: Target,
  places: readonly { space: number; offset: number; width: RegisterDraft['width'] }[],
  context: Context,
): DeviceStep[] {
  const timeoutUs = time(step.timeout, context);
  const equals = elaborateConstant(step.equals, context, 'the value');
  let low = 0;
  let bits = register.bits;
  let holds = register.name;
  if (name !== undefined) {
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
  if (!exact(maxOf(bits) << shift, 'the mask of the bits waited for', written.span, context)) return [];
  const mask = Number(maxOf(bits) << shift);
  return places.map((place) => ({ step: 'wait', ...place, mask, equals: Number(equals << shift), timeoutUs }));
}
