/**
 * Regions, registers, areas, windows, structs, machines, variables: the tables of the device.
 *
 * Checked here: everything lies inside its region, aligned, on bytes of its own; fields and reserved bits do not overlap.
 */
import type * as ast from '../ast.ts';
import type { Field } from '../ir.ts';
import { CONFIG_SPACE, PORT_SPACE, type Width } from '../runtime.ts';
import type { Span } from '../source.ts';
import { bitLength, maxOf, show, type Context, type StructField } from './context.ts';
import { elaborateConstant } from './expressions.ts';

/** Limits of one specification; one more is refused. */
export const REGISTERS_MAX = 4096;
export const SCALARS_MAX = 1024;
export const REGISTER_ELEMENTS_MAX = 65536;
export const STRUCT_BYTES_MAX = 4096;

/** A constant within limits, or a diagnostic. */
function constantWithin(
  expression: ast.Expression,
  context: Context,
  what: string,
  min: bigint,
  max: bigint,
): number | undefined {
  const value = elaborateConstant(expression, context, what);
  if (value === undefined) return undefined;
  if (value < min || value > max) {
    context.diagnostics.add('DSS212', { what, min: show(min), max: show(max), found: show(value) }, expression.span);
    return undefined;
  }
  return Number(value);
}

export function declareConstant(item: ast.ItemOf<'const'>, context: Context): void {
  const value = elaborateConstant(item.value, context, 'the value of a `const`');
  if (value !== undefined) context.declare(item.name, { kind: 'constant', span: item.name.span, value });
}

export function declareRegion(item: ast.ItemOf<'region'>, context: Context): void {
  const sizeMax = item.space === 'config' ? 4096n : item.space === 'memory' ? 1n << 31n : 65536n;
  const sizeBytes = constantWithin(item.size, context, "the region's size", 1n, sizeMax);
  let space = CONFIG_SPACE;
  let base = 0;
  if (item.space === 'fixed') {
    space = PORT_SPACE;
    base = item.base === undefined ? 0 : (constantWithin(item.base, context, 'the first port', 0n, 65535n) ?? 0);
  } else if (item.space !== 'config') {
    const bar = item.base === undefined ? undefined : constantWithin(item.base, context, 'the BAR', 0n, 5n);
    if (bar === undefined) return;
    space = bar;
  }
  if (sizeBytes === undefined) return;
  const unlisted = context.rule(`region \`${item.name.text}\` has no register there`, item.span);
  const region = { name: item.name.text, space, base, sizeBytes, unlisted };
  const twin = context.regions.find(
    (each) => each.space === space && each.base < base + sizeBytes && base < each.base + each.sizeBytes,
  );
  if (twin !== undefined) {
    const other = context.symbols.get(twin.name);
    context.diagnostics.add('DSS215', { a: item.name.text, b: twin.name }, item.span, {
      labels: other === undefined ? [] : [{ span: other.span, text: 'declared here' }],
    });
    return;
  }
  context.regions.push(region);
  context.declare(item.name, { kind: 'region', span: item.name.span, region });
}

interface Place {
  readonly space: number;
  readonly offset: number;
}

/** Where `region + offset` is, if `sizeBytes` fit there. */
function place(
  at: ast.Location,
  name: ast.Name,
  sizeBytes: number,
  alignment: number,
  context: Context,
): Place | undefined {
  const region = context.find(at.region, 'region')?.region;
  const offset = constantWithin(at.offset, context, 'the offset', 0n, 1n << 31n);
  if (region === undefined || offset === undefined) return undefined;
  if (offset + sizeBytes > region.sizeBytes) {
    context.diagnostics.add(
      'DSS214',
      {
        name: name.text,
        end: show(BigInt(offset + sizeBytes)),
        region: region.name,
        size: show(BigInt(region.sizeBytes)),
      },
      at.span,
    );
    return undefined;
  }
  if (offset % alignment !== 0) {
    context.diagnostics.add(
      'DSS216',
      { name: name.text, offset: show(BigInt(offset)), width: alignment },
      at.offset.span,
    );
    return undefined;
  }
  return { space: region.space, offset: region.base + offset };
}

function registerWidth(type: ast.TypeNode, context: Context): Width | undefined {
  if (type.bits === 8 || type.bits === 16 || type.bits === 32 || type.bits === 64) return (type.bits / 8) as Width;
  context.diagnostics.add('DSS208', { bits: type.bits }, type.span);
  return undefined;
}

function validType(type: ast.TypeNode, context: Context): boolean {
  if (type.bits >= 1 && type.bits <= 64) return true;
  context.diagnostics.add('DSS207', { bits: type.bits }, type.span);
  return false;
}

export function declareRegister(item: ast.ItemOf<'register'>, context: Context): void {
  const width = registerWidth(item.type, context);
  const count =
    item.count === undefined
      ? 1
      : constantWithin(item.count, context, 'the number of elements', 1n, BigInt(REGISTER_ELEMENTS_MAX));
  if (width === undefined || count === undefined) return;
  const stride =
    item.stride === undefined ? width : constantWithin(item.stride, context, 'the stride', BigInt(width), 1n << 20n);
  if (stride === undefined) return;
  const at = place(item.at, item.name, stride * (count - 1) + width, width, context);
  if (at === undefined) return;
  if (context.registers.length >= REGISTERS_MAX) {
    context.diagnostics.add(
      'DSS310',
      { name: 'registers', count: context.registers.length + 1, max: REGISTERS_MAX },
      item.span,
    );
    return;
  }
  const bits = width * 8;
  const fields = bitFields(item.fields, bits, `\`${item.name.text}\``, context);
  const register = {
    name: item.name.text,
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
  };
  const end = at.offset + stride * (count - 1) + width;
  const twin = context.registers.find(
    (each) =>
      each.space === at.space &&
      each.offset < end &&
      at.offset < each.offset + each.stride * (each.count - 1) + each.width &&
      elementsTouch(each, register),
  );
  if (twin !== undefined) {
    context.diagnostics.add('DSS215', { a: item.name.text, b: twin.name }, item.at.span, {
      labels: [{ span: twin.declaration.at.span, text: `\`${twin.name}\` is here` }],
    });
  }
  context.registers.push(register);
  context.declare(item.name, { kind: 'register', span: item.name.span, register });
}

interface Elements {
  readonly offset: number;
  readonly count: number;
  readonly stride: number;
  readonly width: number;
}

/** Do two register arrays share a byte? (Interleaved arrays, as RAL and RAH, do not.) */
function elementsTouch(a: Elements, b: Elements): boolean {
  const [few, many] = a.count <= b.count ? [a, b] : [b, a];
  for (let index = 0; index < few.count; index += 1) {
    const start = few.offset + index * few.stride;
    const first = Math.max(0, Math.floor((start - many.offset - many.width) / many.stride));
    for (let near = first; near <= first + 2 && near < many.count; near += 1) {
      const other = many.offset + near * many.stride;
      if (other < start + few.width && start < other + many.width) return true;
    }
  }
  return false;
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

function bitRange(
  bits: ast.BitRange,
  total: number,
  name: string,
  context: Context,
): { low: number; bits: number } | undefined {
  const high = elaborateConstant(bits.high, context, 'a bit');
  const low = elaborateConstant(bits.low, context, 'a bit');
  if (high === undefined || low === undefined) return undefined;
  if (high < low) {
    context.diagnostics.add('DSS213', { high: Number(high), low: Number(low) }, bits.span);
    return undefined;
  }
  if (high >= BigInt(total)) {
    context.diagnostics.add('DSS209', { name, bits: total }, bits.span);
    return undefined;
  }
  return { low: Number(low), bits: Number(high - low) + 1 };
}

function bitFields(
  block: ast.FieldBlock | undefined,
  total: number,
  name: string,
  context: Context,
): { fields: Field[]; reservedMask: bigint } {
  const fields: Field[] = [];
  const spans: { name: string; low: number; bits: number; span: Span }[] = [];
  let reservedMask = 0n;
  const claim = (label: string, range: { low: number; bits: number }, span: Span): boolean => {
    const twin = spans.find((each) => each.low < range.low + range.bits && range.low < each.low + each.bits);
    spans.push({ name: label, ...range, span });
    if (twin === undefined) return true;
    context.diagnostics.add('DSS210', { a: label, b: twin.name }, span, {
      labels: [{ span: twin.span, text: 'and here' }],
    });
    return false;
  };
  for (const field of block?.fields ?? []) {
    const range = bitRange(field.bits, total, name, context);
    if (range === undefined) continue;
    const earlier = fields.find((each) => each.name === field.name.text);
    if (earlier !== undefined) {
      context.diagnostics.add('DSS102', { name: field.name.text, kind: 'field' }, field.name.span);
      continue;
    }
    if (claim(field.name.text, range, field.span)) fields.push({ name: field.name.text, ...range });
  }
  for (const bits of block?.reserved ?? []) {
    const range = bitRange(bits, total, name, context);
    if (range !== undefined && claim('reserved', range, bits.span))
      reservedMask |= maxOf(range.bits) << BigInt(range.low);
  }
  return { fields, reservedMask };
}

export function declareArea(item: ast.ItemOf<'area'>, context: Context): void {
  const sizeBytes = constantWithin(item.size, context, "the area's size", 1n, 1n << 31n);
  if (sizeBytes === undefined) return;
  const at = place(item.at, item.name, sizeBytes, 1, context);
  if (at === undefined) return;
  const readable = item.mode === 'ro' || item.mode === 'rw' || item.mode === 'rc';
  const writable = item.mode === 'wo' || item.mode === 'rw' || item.mode === 'w1c';
  const area = {
    name: item.name.text,
    ...at,
    sizeBytes,
    readable,
    writable,
    rules: {
      read: context.rule(`\`${item.name.text}\` cannot be read`, item.modeSpan),
      write: context.rule(`\`${item.name.text}\` cannot be written`, item.modeSpan),
    },
  };
  const under = writable
    ? context.registers.find(
        (each) =>
          each.space === area.space &&
          elementsTouch(each, { offset: area.offset, count: 1, stride: sizeBytes, width: sizeBytes }),
      )
    : undefined;
  if (under !== undefined) {
    context.diagnostics.add('DSS215', { a: item.name.text, b: under.name }, item.at.span, {
      labels: [{ span: under.declaration.at.span, text: `\`${under.name}\` is here` }],
      help: 'an area that may be written must not lie over a register: its rules could be passed by',
    });
    return;
  }
  context.areas.push(area);
  context.declare(item.name, { kind: 'area', span: item.name.span, area });
}

export function declareWindow(item: ast.ItemOf<'window'>, context: Context): void {
  const width = registerWidth(item.type, context);
  if (width === undefined) return;
  const at = place(item.at, item.name, width, width, context);
  const into = context.find(item.into, 'region');
  const by = context.find(item.by, 'register');
  if (at === undefined || into === undefined || by === undefined) return;
  if (into.region.space === at.space || by.register.count !== 1 || by.register.bits > 32) {
    context.diagnostics.add('DSS313', { region: into.region.name }, item.span);
    return;
  }
  const selector = (by.register.written ??= context.scalar({
    name: `${by.register.name}.written`,
    bits: by.register.bits,
    max: maxOf(by.register.bits),
    initial: 0n,
    kind: 'internal',
  }));
  const index = context.windows.length;
  context.windows.push({ name: item.name.text, ...at, width, into: into.region.space, selector });
  context.declare(item.name, { kind: 'window', span: item.name.span, index });
}

export function declareStruct(item: ast.ItemOf<'struct'>, context: Context): void {
  const sizeBytes = constantWithin(item.size, context, "the struct's size", 1n, BigInt(STRUCT_BYTES_MAX));
  if (sizeBytes === undefined) return;
  const fields = new Map<string, StructField>();
  for (const field of item.fields) {
    const width = registerWidth(field.type, context);
    const offset = constantWithin(field.offset, context, "the field's place", 0n, BigInt(STRUCT_BYTES_MAX));
    if (width === undefined || offset === undefined) continue;
    if (offset + width > sizeBytes) {
      context.diagnostics.add('DSS219', { name: field.name.text, end: offset + width, size: sizeBytes }, field.span);
      continue;
    }
    if (fields.has(field.name.text)) {
      context.diagnostics.add('DSS102', { name: field.name.text, kind: 'field' }, field.name.span);
      continue;
    }
    const bits = bitFields(field.fields, width * 8, `\`${field.name.text}\``, context);
    fields.set(field.name.text, { name: field.name.text, bits: width * 8, bytes: width, offset, fields: bits.fields });
  }
  context.declare(item.name, { kind: 'struct', span: item.name.span, sizeBytes, fields });
}

export function declareMachine(item: ast.ItemOf<'machine'>, context: Context): void {
  const states: string[] = [];
  for (const state of item.states) {
    if (states.includes(state.text)) context.diagnostics.add('DSS102', { name: state.text, kind: 'state' }, state.span);
    else states.push(state.text);
  }
  addMachine(item.name, states, context);
}

/** A machine whose first state is the initial one. */
export function addMachine(name: ast.Name, states: readonly string[], context: Context): number {
  const max = BigInt(states.length - 1);
  const scalar = context.scalar({ name: name.text, bits: bitLength(max), max, initial: 0n, kind: 'machine' });
  const machine = { name: name.text, scalar, states };
  const index = context.machines.length;
  context.machines.push(machine);
  context.declare(name, { kind: 'machine', span: name.span, machine, index });
  context.entered.add(`${index}.0`);
  return index;
}

export function declareVariable(item: ast.ItemOf<'var'>, context: Context): void {
  if (!validType(item.type, context)) return;
  const whole = maxOf(item.type.bits);
  const max = item.max === undefined ? whole : elaborateConstant(item.max, context, 'the `max` of a variable');
  const initial = item.initial === undefined ? 0n : elaborateConstant(item.initial, context, 'the initial value');
  if (max === undefined || initial === undefined) return;
  if (max > whole) {
    context.diagnostics.add(
      'DSS203',
      { value: show(max), bits: item.type.bits, holds: `\`${item.name.text}\`` },
      item.max?.span ?? item.span,
    );
    return;
  }
  if (initial > max) {
    context.diagnostics.add(
      'DSS204',
      { name: item.name.text, largest: show(initial), max: show(max) },
      item.initial?.span ?? item.span,
    );
    return;
  }
  if (context.scalars.length >= SCALARS_MAX) {
    context.diagnostics.add(
      'DSS310',
      { name: 'variables', count: context.scalars.length + 1, max: SCALARS_MAX },
      item.span,
    );
    return;
  }
  const scalar = context.scalar({ name: item.name.text, bits: item.type.bits, max, initial, kind: 'variable' });
  context.declare(item.name, { kind: 'variable', span: item.name.span, scalar });
}
