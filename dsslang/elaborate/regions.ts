/**
 * Regions of the device, and what lies in them but is no register: areas and windows.
 *
 * Checked here: everything lies inside its region, aligned.
 */
import type * as ast from '../ast.ts';
import { CONFIG_SPACE, MEMORY_SPACE, PORT_SPACE } from '../runtime.ts';
import { isReadable, isWritable, show, type Context } from './context.ts';
import { AREAS_MAX, hasUnit, constantWithin, REGIONS_MAX, tooMany, WINDOWS_MAX } from './limits.ts';
import { lastValueCell } from './registers.ts';
import { registerWidth } from './types.ts';

export function declareRegion(item: ast.ItemOf<'region'>, context: Context): void {
  const inMemory = item.space === 'memory' || item.space === 'fixed-memory';
  const sizeMax = item.space === 'config' ? 4096n : inMemory ? 1n << 31n : 65536n;
  if (!hasUnit(item.size, 'size', context)) return;
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
export function place(
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

export function declareArea(item: ast.ItemOf<'area'>, context: Context): void {
  if (!hasUnit(item.size, 'size', context)) return;
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
