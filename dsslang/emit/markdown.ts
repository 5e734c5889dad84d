/**
 * A reference page of a device, for people: what a driver may do, what each rule refuses and where the specification says so.
 * Made from the checked program alone, so that the page cannot say anything else than the monitor does.
 */
import type { NumberExpr, Program, Region, Register, Statement } from '../ir.ts';
import { spaceName, type DeviceStep, type Rule, type Space } from '../runtime.ts';
import { costOf } from '../cost.ts';
import { transitionsOf } from './dot.ts';
import { blocksOf, boolInWords, numberInWords, reactionsOf } from './words.ts';

/**
 * @param diagram where a page beside finds the picture that `emitDot` describes; none is shown otherwise
 * @returns one Markdown document
 */
export function emitMarkdown(program: Program, diagram?: string): string {
  const sections = [
    [
      `# Device \`${program.device}\``,
      '',
      generatedNote(program),
      '',
      program.documentation.trim(),
      '',
      identity(program),
    ],
    ['## Registers', '', ...program.regions.map((region) => registersOf(region, program))],
    windows(program),
    [
      '## States',
      '',
      ...(diagram === undefined ? [] : [`![State diagram](${diagram})`, '']),
      ...program.machines.map((machine) => machineTable(program, machine)),
    ],
    variables(program),
    walks(program),
    pools(program),
    ['## Rules', '', otherwise, '', rulesTable(program)],
    interrupts(program),
    [
      '## Reset',
      '',
      'What the kernel does to the device when its driver dies or misbehaves, in any state:',
      '',
      steps(program.reset, program),
    ],
    invariants(program),
    ['## Cost', '', cost(program)],
  ];
  const text = sections.flatMap((lines) => [...lines, '']).join('\n');
  return `${text.replace(/\n{3,}/g, '\n\n').trim()}\n`;
}

const generatedNote = (program: Program): string =>
  `<!-- Written by \`refmon compile ${fileOf(program)} --target markdown\`. Do not edit. -->`;

const fileOf = (program: Program): string => program.rules[1]?.file ?? 'SPECIFICATION';

const otherwise =
  'Where a register has handlers for an access and none applies in the state, the access is denied. Lines are those of the specification.';

/** A table cell: the author's text must not end it. */
const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/\s+/g, ' ');
const code = (text: string): string => (text === '' ? '' : `\`${cell(text)}\``);

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

const hex = (value: number | bigint, digits = 0): string =>
  `0x${value.toString(16).toUpperCase().padStart(digits, '0')}`;

/** Memory without a doorbell; its rules stand with those of stores. */
function pools(program: Program): string[] {
  if (program.pools.length === 0) return [];
  const rows = program.pools.map(({ name, structureBytes, filled }) => [
    code(name),
    `${structureBytes}`,
    hex(filled, 8),
  ]);
  const about =
    'Memory whose every structure keeps the rules of its pool at every store, since the device needs no doorbell to look at it.';
  return ['## Pools', '', about, '', table(['name', 'bytes of a structure', 'filled with'], rows)];
}

function identity(program: Program): string {
  const ids = program.pci.map(({ vendor, device }) => `\`${hex4(vendor)}:${hex4(device)}\``);
  const bars = program.bars.map(({ bar, kind, sizeBytes }) => `BAR ${bar}: ${size(sizeBytes)} of ${kind}`);
  return [
    ...(ids.length === 0 ? [] : [`PCI ${ids.join(', ')}.`]),
    ...(bars.length === 0 ? [] : [`${bars.join('; ')}.`]),
    'Whatever is not listed below is denied.',
  ].join(' ');
}

const hex4 = (value: number): string => value.toString(16).padStart(4, '0');
const size = (bytes: number): string => (bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} bytes`);

// ---- registers ---------------------------------------------------------------------------------------------------------

function registersOf(region: Region, program: Program): string {
  const listed = [
    ...program.registers.filter(({ space }) => space === region.space).map((each) => registerRow(each)),
    ...program.areas
      .filter(({ space }) => space === region.space)
      .map((area) => ({
        offset: area.offset,
        cells: [
          hex(area.offset, 4),
          code(area.name),
          `${area.sizeBytes} bytes`,
          area.readable && area.writable ? 'any access' : area.readable ? 'any read' : 'any write',
          '',
        ],
      })),
  ].sort((a, b) => a.offset - b.offset);
  const title = `### \`${region.name}\`: ${spaceName(region.space)}, ${size(region.sizeBytes)}`;
  const rows = listed.map((each) => each.cells);
  return [title, '', table(['offset', 'name', 'width', 'access', 'bits'], rows), ''].join('\n');
}

const modes: Readonly<Record<Register['access'], string>> = {
  ro: 'read',
  wo: 'write',
  rw: 'read, write',
  w1c: 'read, write 1 to clear',
  rc: 'read clears',
  platform: 'read; the platform writes',
};

function registerRow(register: Register): { offset: number; cells: string[] } {
  const { name, offset, count, stride, width, access } = register;
  const every = count > 1 ? `, every ${stride}` : '';
  const ruled = [
    ...(register.write.handlers.length > 0 ? ['writes'] : []),
    ...(register.read.handlers.length > 0 ? ['reads'] : []),
    ...(register.report.handlers.length > 0 ? ['values read'] : []),
  ];
  const mode = ruled.length === 0 ? modes[access] : `${modes[access]}; rules for ${ruled.join(', ')}`;
  const shown = count > 1 ? `${name}[${count}]` : name;
  return { offset, cells: [`${hex(offset, 4)}${every}`, code(shown), String(width * 8), mode, bits(register)] };
}

function bits({ fields, reservedMask }: Register): string {
  const range = (low: number, count: number): string => (count === 1 ? `${low}` : `${low + count - 1}:${low}`);
  const named = fields.map(({ name, low, bits: count }) => `${code(name)} ${range(low, count)}`);
  return [...named, ...(reservedMask === 0n ? [] : [`reserved ${code(hex(reservedMask))}`])].join(', ');
}

function windows(program: Program): string[] {
  if (program.windows.length === 0) return [];
  const rows = program.windows.map((window) => [
    code(window.name),
    `${spaceName(window.space)}+${hex(window.offset)}`,
    `an access is one to ${spaceName(window.into)} at the offset in ${code(program.scalars[window.selector]?.name ?? '')}`,
  ]);
  return ['## Windows', '', table(['name', 'place', 'meaning'], rows)];
}

// ---- state -------------------------------------------------------------------------------------------------------------

function machineTable(program: Program, machine: Program['machines'][number]): string {
  const rows = transitionsOf(program, machine).map(({ from, to, label }) => [
    machine.states[from] ?? '',
    machine.states[to] ?? '',
    code(label),
  ]);
  const states = machine.states.map((state) => code(state)).join(', ');
  const title = `### \`${machine.name}\`: ${states}`;
  return [title, '', ...(rows.length === 0 ? [] : [table(['from', 'to', 'by'], rows)]), ''].join('\n');
}

function variables(program: Program): string[] {
  const own = [
    ...program.scalars.filter(({ kind }) => kind === 'variable').map((each) => ({ ...each, shown: each.name })),
    ...program.arrays
      .filter(({ kind }) => kind === 'variable')
      .map((each) => ({ ...each, shown: `${each.name}[${each.count}]` })),
  ];
  if (own.length === 0) return [];
  const rows = own.map(({ shown, bits: width, max, initial }) => [
    code(shown),
    String(width),
    number(max),
    number(initial),
  ]);
  return ['## Variables', '', table(['name', 'bits', 'largest', 'at first'], rows)];
}

const number = (value: bigint): string => (value < 65536n ? value.toString() : hex(value));

function walks(program: Program): string[] {
  const rows = new Map<string, readonly string[]>();
  for (const { name, register, reaction } of reactionsOf(program)) {
    for (const { body } of reaction.handlers) {
      collect(body, new Map(), (statement, locals) => {
        const words = (expr: NumberExpr): string => code(numberInWords(expr, { program, register, locals }));
        const row = walkRow(statement, words);
        const known = rows.get(row.join());
        rows.set(row.join(), [...row, known === undefined ? code(name) : `${known.at(-1)}, ${code(name)}`]);
      });
    }
  }
  if (rows.size === 0) return [];
  const titles = ['kind', 'base', 'entries', 'bytes of an entry', 'at most', 'checked on'];
  return [
    '## Descriptors',
    '',
    'Structures in memory that the device reads as commands. All of them lie in memory granted for commands; the monitor',
    'judges a private copy, and what the device owns cannot be changed.',
    '',
    table(titles, [...rows.values()]),
  ];
}

type Walking = Extract<Statement, { op: 'walk' | 'table' | 'list' }>;

function walkRow(statement: Walking, words: (expr: NumberExpr) => string): string[] {
  const first = statement.op === 'list' ? statement.first : statement.base;
  const entries = statement.op === 'list' ? 'as linked' : words(statement.count);
  const kinds = { walk: 'ring', table: 'table', list: 'linked list' } as const;
  return [kinds[statement.op], words(first), entries, String(statement.size), String(statement.bound)];
}

function collect(
  statements: readonly Statement[],
  locals: Map<number, NumberExpr>,
  found: (statement: Walking, locals: ReadonlyMap<number, NumberExpr>) => void,
): void {
  for (const statement of statements) {
    if (statement.op === 'let') locals.set(statement.local, statement.value);
    if (statement.op === 'walk' || statement.op === 'table' || statement.op === 'list') found(statement, locals);
    for (const block of blocksOf(statement)) collect(block, locals, found);
  }
}

// ---- rules -------------------------------------------------------------------------------------------------------------

const actions: Readonly<Record<Rule['action'], string>> = {
  fault: 'stop the driver',
  deny: 'refuse',
  clamp: 'change the value',
  log: 'note it',
};

/** Rules that a clause of the specification states; those that follow from access modes are in the registers' table. */
function rulesTable(program: Program): string {
  const stated = new Set<number>();
  const add = (statements: readonly Statement[]): void => {
    for (const statement of statements) {
      if ('rule' in statement) stated.add(statement.rule);
      if ('range' in statement) stated.add(statement.range).add(statement.memory);
      blocksOf(statement).forEach(add);
    }
  };
  const rows: string[][] = [];
  for (const { name, register, reaction } of reactionsOf(program)) {
    for (const { guard, body } of reaction.handlers) {
      stated.clear();
      add(body);
      const when = guard.op === 'bool' ? '' : code(boolInWords(guard, { program, register }));
      for (const rule of stated) rows.push([code(name), when, ...ruleCells(program.rules[rule], fileOf(program))]);
    }
  }
  return table(['operation', 'state', 'reason for refusing', 'unless', 'line', 'then'], rows);
}

function ruleCells(rule: Rule | undefined, file: string): string[] {
  if (rule === undefined) return ['', '', '', ''];
  // A refusal without a condition is its own reason; of a loop the head is enough.
  const clause = rule.text.startsWith('deny ') ? '' : rule.text.replace(/ \{.*/, '');
  const place = rule.file === file ? String(rule.line) : `${rule.file}:${rule.line}`;
  return [cell(rule.reason), code(clause), place, actions[rule.action]];
}

function interrupts(program: Program): string[] {
  if (program.interruptPlan === undefined) return [];
  const { deadlineUs, mask } = program.interruptPlan;
  return [
    '## Interrupts',
    '',
    `The driver has ${time(deadlineUs)} to read the cause and to acknowledge. To silence the device the kernel takes these steps:`,
    '',
    steps(mask, program),
  ];
}

const time = (us: number): string => (us % 1000 === 0 ? `${us / 1000} ms` : `${us} µs`);

function steps(list: readonly DeviceStep[], program: Program): string {
  if (list.length === 0) return 'none.';
  return list.map((step, index) => `${index + 1}. ${stepInWords(step, program)}`).join('\n');
}

function stepInWords(step: DeviceStep, program: Program): string {
  if (step.step === 'delay') return `wait ${time(step.us)}`;
  const name = code(registerName(program, step.space, step.offset));
  if (step.step === 'write') return `write ${name} = ${code(hex(step.value))}`;
  if (step.step === 'read') return `read ${name}`;
  return `wait until ${name} & ${code(hex(step.mask))} is ${code(hex(step.equals))}, for at most ${time(step.timeoutUs)}`;
}

function registerName(program: Program, space: Space, offset: number): string {
  for (const register of program.registers) {
    const into = offset - register.offset;
    if (register.space !== space || into < 0 || into % register.stride !== 0) continue;
    const index = into / register.stride;
    if (index < register.count) return register.count === 1 ? register.name : `${register.name}[${index}]`;
  }
  return `${spaceName(space)}+${hex(offset)}`;
}

function invariants(program: Program): string[] {
  if (program.invariants.length === 0) return [];
  const rows = program.invariants.map(({ text, condition, line }) => [
    cell(text),
    code(boolInWords(condition, { program })),
    String(line),
  ]);
  return ['## Invariants', '', table(['what always holds', 'condition', 'line'], rows)];
}

function cost(program: Program): string {
  const { stepsMax, stateBits, monitorBytes } = costOf(program);
  return `Every operation is decided in at most ${stepsMax} steps. The state has ${stateBits} bits; the monitor, with its tables and its copy of descriptors, takes ${monitorBytes} bytes.`;
}
