/**
 * Regions, registers, areas, windows, structs, machines, variables: the tables of the device.
 *
 * Checked here: everything lies inside its region, aligned, on bytes of its own; fields and reserved bits do not overlap.
 */
import type * as ast from '../ast.ts';
import type { Field } from '../ir.ts';
import { CONFIG_SPACE, MEMORY_SPACE, PORT_SPACE, type Width } from '../runtime.ts';
import type { Span } from '../source.ts';
import { arrayCell, newCell, type Cell, type Contents } from './cells.ts';
import {
  bitLength,
  isReadable,
  isWritable,
  maxOf,
  show,
  type Context,
  type RegisterDraft,
  type StructField,
} from './context.ts';
import { elaborateConstant } from './expressions.ts';

/** Limits of one specification; one more is refused. */
export const REGISTERS_MAX = 4096;
/** Elements of all register arrays together; more are an `area`. */
export const REGISTER_ELEMENTS_MAX = 65536;
export const SCALARS_MAX = 1024;
/** Elements of all arrays of the state together. */
export const ARRAY_ELEMENTS_MAX = 65536;
export const REGIONS_MAX = 64;
export const AREAS_MAX = 4096;
export const WINDOWS_MAX = 64;
export const RINGS_MAX = 64;
export const MACHINES_MAX = 64;
export const STATES_MAX = 1024;
export const STRUCT_BYTES_MAX = 4096;

/** A constant within limits, or a diagnostic. */
export function constantWithin(
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

/** One more than a limit allows, or not. */
export function tooMany(what: string, count: number, max: number, place: Span, context: Context): boolean {
  if (count <= max) return false;
  if (context.exceeded.has(what)) return true;
  context.exceeded.add(what);
  context.diagnostics.add('DSS310', { name: what, count, max }, place);
  return true;
}

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

export function declareRegion(item: ast.ItemOf<'region'>, context: Context): void {
  const inMemory = item.space === 'memory' || item.space === 'fixed-memory';
  const sizeMax = item.space === 'config' ? 4096n : inMemory ? 1n << 31n : 65536n;
  const sizeBytes = constantWithin(item.size, context, "the region's size", 1n, sizeMax);
  let space = CONFIG_SPACE;
  let base = 0;
  if (item.space === 'fixed-ports' || item.space === 'fixed-memory') {
    const ports = item.space === 'fixed-ports';
    space = ports ? PORT_SPACE : MEMORY_SPACE;
    const [what, limit] = ports ? (['the first port', 1n << 16n] as const) : (['the address', 1n << 32n] as const);
    const last = limit - BigInt(sizeBytes ?? 1);
    base = item.base === undefined ? 0 : (constantWithin(item.base, context, what, 0n, last) ?? 0);
  } else if (item.space !== 'config') {
    const bar = item.base === undefined ? undefined : constantWithin(item.base, context, 'the BAR', 0n, 5n);
    if (bar === undefined) return;
    space = bar;
  }
  if (sizeBytes === undefined) return;
  if (tooMany('regions', context.regions.length + 1, REGIONS_MAX, item.span, context)) return;
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
  const { engine } = context;
  if (at.relative && engine === undefined) {
    context.diagnostics.add('DSS146', {}, at.span);
    return undefined;
  }
  const region = context.find(at.relative && engine !== undefined ? engine.at.region : at.region, 'region')?.region;
  const own = constantWithin(at.offset, context, 'the offset', 0n, 1n << 31n);
  const offset = own === undefined ? undefined : own + (at.relative ? Number(engine?.offset ?? 0n) : 0);
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
  if (type.span.end > 0) context.diagnostics.add('DSS208', { bits: type.bits }, type.span);
  return undefined;
}

export function validType(type: ast.TypeNode, context: Context): boolean {
  if (type.bits >= 1 && type.bits <= 64) return true;
  if (type.span.end > 0) context.diagnostics.add('DSS207', { bits: type.bits }, type.span);
  return false;
}

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
  const stride =
    item.stride === undefined ? width : constantWithin(item.stride, context, 'the stride', BigInt(width), 1n << 20n);
  if (stride === undefined) return;
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
    if (twin === undefined) {
      spans.push({ name: label, ...range, span });
      return true;
    }
    context.diagnostics.add('DSS210', { a: label, b: twin.name }, span, {
      labels: [{ span: twin.span, text: 'and here' }],
    });
    return false;
  };
  for (const field of block?.fields ?? []) {
    const range = bitRange(field.bits, total, name, context);
    if (range === undefined) {
      fields.push({ name: field.name.text, low: 0, bits: total }); // so that its uses are no further mistakes
      continue;
    }
    const earlier = spans.find((each) => each.name === field.name.text);
    if (earlier !== undefined) {
      context.diagnostics.add('DSS102', { name: field.name.text, kind: 'field' }, field.name.span, {
        labels: [{ span: earlier.span, text: 'declared here first' }],
      });
      continue;
    }
    claim(field.name.text, range, field.span);
    fields.push({ name: field.name.text, ...range });
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
  if (tooMany('areas', context.areas.length + 1, AREAS_MAX, item.span, context)) return;
  const area = {
    name: item.name.text,
    ...at,
    sizeBytes,
    readable: isReadable(item.mode),
    writable: isWritable(item.mode),
    rules: {
      read: context.rule(`\`${item.name.text}\` cannot be read`, item.modeSpan),
      write: context.rule(`\`${item.name.text}\` cannot be written`, item.modeSpan),
    },
  };
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
  const wanted =
    into.region.space === at.space
      ? `lies itself in the space of \`${into.region.name}\``
      : by.register.declaration.count !== undefined
        ? `is selected by \`${by.register.name}\`, which is an array`
        : by.register.bits > 32
          ? `is selected by \`${by.register.name}\`, which has ${by.register.bits} bits`
          : undefined;
  if (wanted !== undefined) {
    context.diagnostics.add('DSS313', { name: item.name.text, wanted }, item.span);
    return;
  }
  if (tooMany('windows', context.windows.length + 1, WINDOWS_MAX, item.span, context)) return;
  const cell = lastValueCell(by.register, 'written', context);
  if (cell.kind !== 'scalar') return; // an array: reported above
  const selector = cell.scalar;
  const index = context.windows.length;
  context.windows.push({ name: item.name.text, ...at, width, into: into.region.space, selector });
  context.declare(item.name, { kind: 'window', span: item.name.span, index });
}

export function declareStruct(item: ast.ItemOf<'struct'>, context: Context): void {
  const sizeBytes = constantWithin(item.size, context, "the struct's size", 1n, BigInt(STRUCT_BYTES_MAX));
  if (sizeBytes === undefined) return;
  const fields = new Map<string, StructField>();
  const spans = new Map<string, Span>();
  for (const field of item.fields) {
    const width = registerWidth(field.type, context);
    const offset = constantWithin(field.offset, context, "the field's place", 0n, BigInt(STRUCT_BYTES_MAX));
    if (width !== undefined && offset !== undefined && offset + width > sizeBytes) {
      context.diagnostics.add('DSS219', { name: field.name.text, end: offset + width, size: sizeBytes }, field.span);
    }
    const earlier = spans.get(field.name.text);
    if (earlier !== undefined) {
      context.diagnostics.add('DSS102', { name: field.name.text, kind: 'field' }, field.name.span, {
        labels: [{ span: earlier, text: 'declared here first' }],
      });
      continue;
    }
    spans.set(field.name.text, field.name.span);
    // A field with a mistake is kept, so that its uses are no further mistakes.
    const bytes = width ?? 8;
    const bits = bitFields(field.fields, bytes * 8, `\`${field.name.text}\``, context);
    fields.set(field.name.text, {
      name: field.name.text,
      bits: bytes * 8,
      bytes,
      offset: offset ?? 0,
      fields: bits.fields,
    });
  }
  context.declare(item.name, { kind: 'struct', span: item.name.span, sizeBytes, fields });
}

export function declareMachine(item: ast.ItemOf<'machine'>, context: Context): void {
  const states = new Map<string, ast.Name>();
  for (const state of item.states) {
    const earlier = states.get(state.text);
    if (earlier === undefined) states.set(state.text, state);
    else {
      context.diagnostics.add('DSS102', { name: state.text, kind: 'state' }, state.span, {
        labels: [{ span: earlier.span, text: 'declared here first' }],
      });
    }
  }
  const machines = context.machines.filter((each) => each.array === undefined).length;
  if (tooMany('machines', machines + 1, MACHINES_MAX, item.span, context)) return;
  if (tooMany(`states of \`${item.name.text}\``, states.size, STATES_MAX, item.span, context)) return;
  addMachine(item.name, [...states.keys()], context);
}

/** A machine whose first state is the initial one; inside an engine, one for each element. */
export function addMachine(name: ast.Name, states: readonly string[], context: Context): number {
  const max = BigInt(states.length - 1);
  const contents = { name: name.text, bits: bitLength(max), max, initial: 0n, kind: 'machine' } as const;
  const cell = newCell(contents, context);
  const index = context.machines.length;
  if (cell.kind === 'scalar') context.machines.push({ name: name.text, scalar: cell.scalar, states });
  else {
    const { engine } = context;
    for (let element = 0; element < (engine?.count ?? 0); element += 1) {
      const own = `${engine?.name ?? ''}[${element}].${name.text}`;
      context.machines.push({ name: own, scalar: 0, states, array: { id: cell.array, element } });
    }
  }
  const machine = context.machines[index];
  if (machine !== undefined) context.declare(name, { kind: 'machine', span: name.span, machine, index, cell });
  context.entered.add(`${index}.0`);
  return index;
}

/** One variable, or with `NAME[N]` an array of them. */
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
  const contents = { name: item.name.text, bits: item.type.bits, max, initial, kind: 'variable' } as const;
  if (item.count !== undefined) {
    declareStateArray(item, item.count, contents, context);
    return;
  }
  if (tooManyCells(item.span, context)) return;
  const cell = newCell(contents, context);
  const { span } = item.name;
  context.declare(item.name, { kind: 'variable', span, cell, bits: item.type.bits, max, counter: undefined });
}

function declareStateArray(item: ast.ItemOf<'var'>, size: ast.Expression, contents: Contents, context: Context): void {
  const count = constantWithin(size, context, 'the number of elements', 1n, BigInt(ARRAY_ELEMENTS_MAX));
  if (count === undefined) return;
  if (context.engine !== undefined) {
    context.diagnostics.add('DSS342', { what: 'an array' }, item.name.span);
    return;
  }
  if (tooManyElements(count, item.span, context)) return;
  const { array } = arrayCell(contents, count, context);
  context.declare(item.name, { kind: 'array', span: item.name.span, array });
}

/** `counter NAME modulo N`: below N; `saturating N`: at most N. */
export function declareCounter(item: ast.ItemOf<'counter'>, context: Context): void {
  const limit = elaborateConstant(item.limit, context, 'the end of a counter');
  if (limit === undefined) return;
  const largest = maxOf(63);
  if (limit < 1n || limit > largest) {
    const what = 'the end of a counter';
    context.diagnostics.add('DSS212', { what, min: '1', max: show(largest), found: show(limit) }, item.limit.span);
    return;
  }
  if (tooManyCells(item.span, context)) return;
  const max = item.end === 'modulo' ? limit - 1n : limit;
  const bits = bitLength(max);
  const cell = newCell({ name: item.name.text, bits, max, initial: 0n, kind: 'variable' }, context);
  const counter = { end: item.end, limit };
  context.declare(item.name, { kind: 'variable', span: item.name.span, cell, bits, max, counter });
}

function tooManyCells(place: Span, context: Context): boolean {
  const { engine } = context;
  if (engine !== undefined) return tooManyElements(engine.count, place, context);
  return tooMany('variables', context.scalars.length + 1, SCALARS_MAX, place, context);
}

function tooManyElements(more: number, place: Span, context: Context): boolean {
  const elements = context.arrays.reduce((sum, each) => sum + each.count, more);
  return tooMany('elements of arrays', elements, ARRAY_ELEMENTS_MAX, place, context);
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

export function declareRing(item: ast.ItemOf<'ring'>, context: Context): void {
  if (tooMany('rings', context.namesOf('ring').length + 1, RINGS_MAX, item.span, context)) return;
  context.declare(item.name, { kind: 'ring', span: item.name.span, ring: { declaration: item } });
}
