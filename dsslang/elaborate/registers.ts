/**
 * Registers: one, an array of them, or inside an engine one for each of its elements; and the cells that follow them.
 */
import type * as ast from '../ast.ts';
import type { Width } from '../runtime.ts';
import { arrayCell, type Contents } from './cells.ts';
import { maxOf, show, type Context } from './context.ts';
import type { Cell, RegisterDraft } from './symbols.ts';
import { elaborateConstant } from './expressions.ts';
import { constantWithin, REGISTER_ELEMENTS_MAX, REGISTERS_MAX, tooMany } from './limits.ts';
import { place } from './regions.ts';
import { bitFields, registerWidth } from './types.ts';

/** A register, an array of them, or inside an engine one for each of its elements. */
export function declareRegister(written: ast.ItemOf<'register'>, context: Context): void {
  const { engine } = context;
  if (engine !== undefined && written.count !== undefined) {
    context.diagnostics.add('DSS342', { what: 'an array of registers' }, written.name.span);
    return;
  }
  const literal = (value: bigint): ast.Expression => ({ kind: 'integer', span: written.name.span, value });
  const item =
    engine === undefined
      ? written
      : { ...written, count: literal(BigInt(engine.count)), stride: literal(engine.stride) };
  const width = registerWidth(item.type, context);
  const count =
    item.count === undefined
      ? 1
      : constantWithin(item.count, context, 'the number of elements', 1n, BigInt(REGISTER_ELEMENTS_MAX));
  if (width === undefined || count === undefined) return;
  const stride = item.stride === undefined ? width : constantWithin(item.stride, context, 'the stride', 1n, 1n << 20n);
  if (stride === undefined) return;
  if (stride < width) {
    const place = engine === undefined ? (item.stride?.span ?? item.span) : engine.stridePlace;
    context.diagnostics.add('DSS222', { name: item.name.text, stride, width }, place);
    return;
  }
  const at = place(item.at, item.name, stride * (count - 1) + width, width, context);
  if (at === undefined) return;
  if (tooMany('registers', context.registers.length + 1, REGISTERS_MAX, item.span, context)) return;
  const elements = context.registers.reduce((sum, each) => sum + each.count, count);
  if (tooMany('register elements', elements, REGISTER_ELEMENTS_MAX, item.span, context)) return;
  const bits = width * 8;
  const fields = bitFields(item.fields, bits, `\`${item.name.text}\``, context);
  const register = {
    name: engine === undefined ? item.name.text : `${engine.name}.${item.name.text}`,
    declaration: item,
    ...at,
    count,
    stride,
    width,
    bits,
    access: item.mode,
    accessWidths: accessWidths(item, width, context),
    fields: fields.fields,
    reservedMask: fields.reservedMask,
    reservedSpan: item.fields?.reserved[0]?.span,
    write: [],
    read: [],
    report: [],
    written: undefined,
    reported: undefined,
    programmed: undefined,
    frozen: [],
    engine: engine?.draft,
  };
  context.registers.push(register);
  context.declare(item.name, { kind: 'register', span: item.name.span, register });
}

function accessWidths(item: ast.ItemOf<'register'>, width: Width, context: Context): Width[] {
  if (item.widths.length === 0) return [width];
  const widths: Width[] = [];
  for (const expression of item.widths) {
    const bits = elaborateConstant(expression, context, 'an access width');
    if (bits === undefined) continue;
    if (![8n, 16n, 32n, 64n].includes(bits) || bits > BigInt(width * 8)) {
      context.diagnostics.add('DSS217', { width: show(bits), name: item.name.text }, expression.span);
      continue;
    }
    widths.push((Number(bits) / 8) as Width);
  }
  return widths;
}

/** The cell that follows the last value of a register; made when it is first asked for. */
export function lastValueCell(register: RegisterDraft, which: 'written' | 'reported', context: Context): Cell {
  const contents = {
    name: `${register.name}.${which}`,
    bits: register.bits,
    max: maxOf(register.bits),
    initial: 0n,
    kind: 'internal',
  } as const;
  return (register[which] ??= registerCell(register, contents, context));
}

/** One value for each element of a register. */
export function registerCell(register: RegisterDraft, contents: Contents, context: Context): Cell {
  if (register.declaration.count === undefined) return { kind: 'scalar', scalar: context.scalar(contents) };
  return arrayCell(contents, register.count, context);
}
