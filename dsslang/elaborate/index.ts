/**
 * From the tree to the core calculus. Returns a program only if no error was found.
 *
 * Order matters: constants and regions first, then registers, then what uses them; handlers last. A name may be used
 * before its declaration in the text: passes go by kind, not by line.
 */
import type * as ast from '../ast.ts';
import { stepsOf } from '../cost.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { Program, Reaction, Register } from '../ir.ts';
import { sha256Hex } from '../sha256.ts';
import { Context, isReadable, isWritable } from './context.ts';
import type { RegisterDraft, Symbol } from './symbols.ts';
import { declareConstants } from './constants.ts';
import { declareArea, declareRegion, declareWindow } from './regions.ts';
import { declareRegister } from './registers.ts';
import { declareRing, declareStruct } from './structs.ts';
import { declareCounter, declareMachine, declareVariable } from './variables.ts';
import { declareEngine, openEngine } from './engines.ts';
import { eventReaction, eventsOf, statementsAlways } from './events.ts';
import { elaborateBool } from './expressions.ts';
import { Facts } from './facts.ts';
import { elaborateFreeze } from './freeze.ts';
import { elaborateHandlers, reactionOf } from './handlers.ts';
import { elaborateInterrupt, type InterruptParts } from './interrupts.ts';
import { lint, lintOpenRegisters } from './lints.ts';
import { prepareProgrammed } from './memory.ts';
import { elaborateOwnership } from './ownership.ts';
import { reportOverlappingPlaces } from './overlaps.ts';
import { checkFilled, declarePool, elaboratePools } from './pools.ts';
import { elaborateSteps } from './steps.ts';
import { declareTable } from './tables.ts';
import { declareClock, declareDeadline, declareRate } from './time.ts';

/** No operation may need more elementary steps than this. */
export const STEPS_PER_OPERATION_MAX = 4_000_000;

const nothing: Reaction = { handlers: [], otherwise: undefined };

type NamedKind =
  | 'region' | 'struct' | 'machine' | 'var' | 'register' | 'area' | 'window' | 'ring'
  | 'counter' | 'table' | 'clock' | 'deadline' | 'rate' | 'engine' | 'frozen' | 'pool' | 'check'; // prettier-ignore

const symbolKinds: ReadonlySet<string> = new Set<Symbol['kind']>([
  'region', 'constant', 'register', 'area', 'window', 'struct', 'machine', 'variable', 'ring', 'table', 'clock', 'rate',
  'engine', 'frozen', 'pool', 'check',
]); // prettier-ignore
const isSymbolKind = (kind: string): kind is Symbol['kind'] => symbolKinds.has(kind);

/** What a declaration declares. */
function symbolKindOf(item: ast.Item): string {
  if (item.kind === 'const') return 'constant';
  if (item.kind === 'var') return item.count === undefined ? 'variable' : 'array';
  if (item.kind === 'counter') return 'variable';
  return item.kind === 'deadline' ? 'clock' : item.kind;
}

/**
 * @param unread if something could not be read: the names of all declarations, also of lost ones, and the prefixes of
 *   includes that could not be written out
 * @param strict also say which registers no rule speaks of
 */
export function elaborateDevice(
  device: ast.Device,
  unread: ReadonlySet<string> | undefined,
  diagnostics: Diagnostics,
  strict = false,
): Program | undefined {
  const context = new Context(diagnostics);
  const items = device.items.filter((item) => item !== undefined);
  const of = <K extends ast.Item['kind']>(kind: K): ast.ItemOf<K>[] =>
    items.filter((item) => item.kind === kind) as ast.ItemOf<K>[];

  for (const item of items) {
    const kind = symbolKindOf(item);
    if ('name' in item && isSymbolKind(kind)) context.declaredKinds.set(item.name.text, kind);
  }
  context.incomplete = unread !== undefined;
  for (const name of unread ?? []) if (!context.declaredKinds.has(name)) context.broken.add(name);
  declareConstants(of('const'), context);
  const declareAll = <K extends NamedKind>(kind: K, declare: (item: ast.ItemOf<K>, context: Context) => void): void => {
    for (const item of of(kind)) {
      declare(item, context);
      const { name } = item as { readonly name: ast.Name };
      if (!context.symbols.has(name.text)) context.broken.add(name.text);
    }
  };
  declareAll('region', declareRegion);
  declareAll('struct', declareStruct);
  declareAll('machine', declareMachine);
  declareAll('var', declareVariable);
  declareAll('register', declareRegister);
  declareAll('area', declareArea);
  declareAll('window', declareWindow);
  declareAll('counter', declareCounter);
  declareAll('table', declareTable);
  declareAll('clock', declareClock);
  declareAll('deadline', declareDeadline);
  declareAll('rate', declareRate);
  declareAll('ring', declareRing);
  declareAll('engine', declareEngine);
  declareAll('pool', declarePool);
  declareAll('check', (item) => context.declare(item.name, { kind: 'check', span: item.name.span, declaration: item }));
  declareAll('frozen', (item) => context.declare(item.name, { kind: 'frozen', span: item.name.span }));
  const interruptItem = only('interrupt', of('interrupt'), diagnostics);
  const resetItem = only('reset', of('reset'), diagnostics);
  // What seems to be missing may just not have been read.
  if (resetItem === undefined && !context.incomplete) diagnostics.add('DSS311', {}, device.name.span);
  const matches = of('match');
  // What only has fixed places is known by them.
  const onPci = of('region').some(({ space }) => !space.startsWith('fixed-'));
  const fixed = !onPci && of('region').length > 0;
  if (matches.length === 0 && !fixed && !context.incomplete) diagnostics.add('DSS404', {}, device.name.span);

  const interrupt = elaborateInterrupt(interruptItem, device, context);
  const engines = of('engine');
  const ownership = elaborateOwnership({ rings: of('ring'), engines, frozen: of('frozen') }, context);
  prepareProgrammed(items, context);
  for (const { name, items: inside } of engines)
    openEngine(name.text, context, () => prepareProgrammed(inside, context));
  for (const item of of('freeze')) elaborateFreeze(item, context);
  for (const { name, items: inside } of engines) {
    openEngine(name.text, context, () => {
      for (const item of inside) if (item?.kind === 'freeze') elaborateFreeze(item, context);
    });
  }
  const pools = elaboratePools(of('pool'), ownership.locals, context);
  const events = eventsOf(pools.locals);
  elaborateHandlers(items, events, context);
  const reset = resetItem === undefined ? [] : elaborateSteps(resetItem.steps, context);
  const invariants = of('invariant').flatMap((item) => {
    const condition = elaborateBool(item.condition, { context, bindings: new Map(), facts: new Facts() });
    return condition === undefined
      ? []
      : [{ text: item.text, condition, line: context.source.position(item.span.start).line }];
  });
  reportOverlappingPlaces(
    {
      windows: new Map(of('window').map((item) => [item.name.text, item])),
      areas: new Map(of('area').map((item) => [item.name.text, item])),
    },
    (register) => isReadGuarded(register, interrupt),
    context,
  );
  const registers = context.registers.map((register) => finishRegister(register, interrupt, context));
  const builtin = {
    unknownSpace: context.rule('the device has nothing there', device.name.span),
    badGrant: context.rule('the memory is empty, beyond the address limit, or already granted', device.name.span),
    tooManyGrants: context.rule('too many grants', device.name.span),
    badBar: context.rule('a BAR cannot be there', device.name.span),
  };
  // What looks wrong in a broken file is mostly the breakage.
  if (diagnostics.hasErrors) return undefined;
  let hash: string | undefined;
  const program: Program = {
    device: device.name.text,
    documentation: device.documentation,
    // What only checks a file does not ask for it: a twentieth of the time of a cold `refmon check`.
    get specificationHash() {
      return (hash ??= sha256Hex(specificationText(context)));
    },
    pci: matches.flatMap((item) => item.ids.map(({ vendor, device: id }) => ({ vendor, device: id }))),
    bars: of('region').flatMap((item) => {
      const region = context.regions.find((each) => each.name === item.name.text);
      if (region === undefined || (item.space !== 'memory' && item.space !== 'ports')) return [];
      return [{ bar: region.space, kind: item.space, sizeBytes: region.sizeBytes }];
    }),
    regions: context.regions,
    scalars: context.scalars,
    arrays: context.arrays,
    tables: context.tables,
    machines: context.machines,
    registers,
    areas: context.areas,
    windows: context.windows,
    rules: context.rules,
    always: context.always,
    store: eventReaction(
      'store',
      events,
      { handlers: statementsAlways([...ownership.store, ...pools.store]), otherwise: undefined },
      context,
    ),
    grant: eventReaction('grant', events, { handlers: statementsAlways(pools.grant), otherwise: undefined }, context),
    interrupt: eventReaction('interrupt', events, interrupt.interrupt, context),
    check: interrupt.check,
    tick: eventReaction('tick', events, nothing, context),
    builtin,
    interruptPlan: interrupt.plan,
    progress: ownership.progress,
    reset,
    invariants,
    pools: context.pools,
  };
  boundSteps(program, device, diagnostics);
  checkFilled(of('pool'), program, context);
  if (!diagnostics.hasErrors) lint(items, program, events, context);
  if (!diagnostics.hasErrors && strict)
    lintOpenRegisters((register) => interrupt.before(register, 'write').length > 0, context);
  return diagnostics.hasErrors ? undefined : program;
}

/** What the program was made of: the text of the file, and behind it that of each imported one. */
function specificationText({ source }: Context): string {
  const [own, ...imported] = source.files();
  return [own?.text ?? '', ...imported.map((each) => `\n// ${each.file}\n${each.text}`)].join('');
}

function only<T extends ast.Node>(clause: string, found: readonly T[], diagnostics: Diagnostics): T | undefined {
  const [first, second] = found;
  if (first !== undefined && second !== undefined) {
    const header = { start: second.span.start, end: second.span.start + clause.length };
    diagnostics.add('DSS303', { clause }, header, {
      labels: [{ span: { start: first.span.start, end: first.span.start + clause.length }, text: 'the first is here' }],
    });
  }
  return first;
}

/** A rule about the whole register would be passed by with half of it. (To acknowledge says nothing about the value.) */
function reportPartialAccess(register: RegisterDraft, interrupt: InterruptParts, context: Context): void {
  const partial = register.declaration.widths[register.accessWidths.findIndex((width) => width !== register.width)];
  const hasRules =
    register.write.length + register.read.length + register.report.length > 0 ||
    register.written !== undefined ||
    register.reported !== undefined ||
    register.programmed !== undefined ||
    interrupt.before(register, 'report').length > 0;
  if (partial !== undefined && hasRules)
    context.diagnostics.add('DSS315', { name: register.name, bits: register.bits }, partial.span);
}

/** Does the monitor forbid reading this register, or learn from it? */
function isReadGuarded(register: RegisterDraft, interrupt: InterruptParts): boolean {
  return (
    !isReadable(register.access) ||
    register.access === 'rc' ||
    register.read.length > 0 ||
    register.report.length > 0 ||
    register.reported !== undefined ||
    interrupt.before(register, 'report').length > 0
  );
}

function finishRegister(register: RegisterDraft, interrupt: InterruptParts, context: Context): Register {
  const { declaration, access } = register;
  const widths = register.accessWidths.map((width) => width * 8).join(', ');
  reportPartialAccess(register, interrupt, context);
  const who =
    access === 'platform' ? `only the platform may change \`${register.name}\`` : `\`${register.name}\` is read-only`;
  return {
    name: register.name,
    space: register.space,
    offset: register.offset,
    count: register.count,
    stride: register.stride,
    width: register.width,
    access,
    accessWidths: register.accessWidths,
    fields: register.fields,
    reservedMask: register.reservedMask,
    readable: isReadable(access),
    writable: isWritable(access),
    write: reactionOf(register, 'write', interrupt.before(register, 'write'), context),
    read: reactionOf(register, 'read', [], context),
    report: reactionOf(register, 'report', interrupt.before(register, 'report'), context),
    rules: {
      width: context.rule(`\`${register.name}\` takes whole accesses of ${widths} bits`, declaration.span),
      read: context.rule(`\`${register.name}\` is write-only`, declaration.modeSpan),
      write: context.rule(who, declaration.modeSpan),
      reserved: context.rule(
        `reserved bits of \`${register.name}\` must be written as 0`,
        register.reservedSpan ?? declaration.span,
      ),
    },
  };
}

function boundSteps(program: Program, device: ast.Device, diagnostics: Diagnostics): void {
  const reactions = [
    ...program.registers.flatMap((each) => [each.write, each.read, each.report]),
    program.store,
    program.interrupt,
    program.check,
    program.grant,
    program.tick,
  ];
  const before = stepsOf(program.always);
  const steps =
    before + Math.max(0, ...reactions.flatMap((reaction) => reaction.handlers.map((handler) => stepsOf(handler.body))));
  if (steps > STEPS_PER_OPERATION_MAX)
    diagnostics.add('DSS306', { steps, max: STEPS_PER_OPERATION_MAX }, device.name.span);
}
