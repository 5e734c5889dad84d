/**
 * A program as one JavaScript module that imports nothing: `info` and `createMonitor(memory)` (runtime.ts, MonitorModule).
 *
 * State lives in a closure (js-state.ts); each operation is decoded by a switch over the offset. No allocation on the
 * allow path. What is only needed to explain a refusal (which register was touched, which region) is a table, not code.
 */
import type { Program, Reaction, Register } from '../ir.ts';
import { monitorInfo } from '../monitor-info.ts';
import { ADDRESS_LIMIT, GRANTS_MAX } from '../runtime.ts';
import { HandlerWriter, indent } from './js-handlers.ts';
import { isWide } from './js-numbers.ts';
import { layOut, type StateLayout } from './js-state.ts';

/** @returns the text of an ES module */
export function emitJs(program: Program): string {
  const state = layOut(program);
  const handlers = new HandlerWriter(program, state.place);
  const functions = program.registers.flatMap((register, index) => registerFunctions(register, index, handlers));
  const accesses = [access(program, state, 'read'), access(program, state, 'report'), access(program, state, 'write')];
  const events = [
    eventFunction('store', 'address, length, now', program.store, handlers),
    eventFunction('interrupt', 'now', program.interrupt, handlers),
    eventFunction('check', 'now', program.check, handlers),
  ];
  const body = [
    ...state.declarations,
    ...handlers.scratchBytes.flatMap((bytes, depth) => [
      `const scratch${depth} = new Uint8Array(${bytes});`,
      `const view${depth} = new DataView(scratch${depth}.buffer);`,
    ]),
    ...grantCode(program),
    ...refusalCode(program),
    ...functions.flat(),
    ...accesses.flat(),
    ...events.flat(),
    ...reporting(program, state),
    'return { info, read, report, write, store, grant, interrupt, check, reset, states, snapshot };',
  ];
  return [
    `// Reference monitor for ${program.device}, compiled by refmon from a device safety specification. Do not edit.`,
    `// SHA-256 of the specification: ${program.specificationHash}`,
    '',
    `export const info = ${JSON.stringify(monitorInfo(program))};`,
    '',
    'export function createMonitor(memory) {',
    ...indent(body),
    '}',
    '',
  ].join('\n');
}

/** Grants end below 2^52, so plain numbers hold them exactly. The last hit is tried first: descriptors come in runs. */
function grantCode(program: Program): string[] {
  const { badGrant, tooManyGrants } = program.builtin;
  return [
    `const grantBase = new Float64Array(${GRANTS_MAX}), grantEnd = new Float64Array(${GRANTS_MAX}), grantPurposes = new Uint8Array(${GRANTS_MAX});`,
    'let grants = 0, lastHit = 0;',
    'function inside(purposes, lo, hi, length) {',
    '  if (length === 0) return true;',
    '  if (hi >= 1048576) return false;',
    '  const base = hi * 4294967296 + lo, end = base + length;',
    '  if (lastHit < grants && (grantPurposes[lastHit] & purposes) === purposes && grantBase[lastHit] <= base && end <= grantEnd[lastHit]) return true;',
    '  for (let i = 0; i < grants; i += 1) {',
    '    if ((grantPurposes[i] & purposes) === purposes && grantBase[i] <= base && end <= grantEnd[i]) { lastHit = i; return true; }',
    '  }',
    '  return false;',
    '}',
    'function grant(address, length, purposes) {',
    `  if (length === 0 || address >= ${ADDRESS_LIMIT} || length > ${ADDRESS_LIMIT} - address) return ${badGrant};`,
    `  for (let i = 0; i < grants; i += 1) if (address < grantEnd[i] && grantBase[i] < address + length) return ${badGrant};`,
    `  if (grants >= ${GRANTS_MAX}) return ${tooManyGrants};`,
    '  grantBase[grants] = address; grantEnd[grants] = address + length; grantPurposes[grants] = purposes; grants += 1;',
    '  return 0;',
    '}',
  ];
}

/** Which rule refuses an access that nothing accepts: the register it touches, else its region, else the device. */
function refusalCode(program: Program): string[] {
  const registers = program.registers.map((r) => [r.space, r.offset, r.count, r.stride, r.width, r.rules.width]);
  const regions = program.regions.map((r) => [r.space, r.base, r.base + r.sizeBytes, r.unlisted]);
  return [
    `const touched = ${JSON.stringify(registers)};`,
    `const regions = ${JSON.stringify(regions)};`,
    'function refuse(space, offset, width) {',
    '  for (const [where, first, count, stride, bytes, rule] of touched) {',
    '    if (where !== space) continue;',
    '    for (let i = 0; i < count; i += 1) if (offset < first + i * stride + bytes && offset + width > first + i * stride) return rule;',
    '  }',
    '  for (const [where, first, end, rule] of regions) if (where === space && offset >= first && offset < end) return rule;',
    `  return ${program.builtin.unknownSpace};`,
    '}',
  ];
}

type Event = 'read' | 'report' | 'write';

const isTrivial = (reaction: Reaction): boolean => reaction.handlers.length === 0 && reaction.otherwise === undefined;
const functionName = (event: Event, index: number): string => `${event}${index}`;
const parameters: Record<Event, string> = {
  read: 'index, through, now',
  report: 'index, through, lo, hi, now',
  write: 'index, through, lo, hi, now',
};

/** The handlers of one register, one function for each kind of access that has any. */
function registerFunctions(register: Register, index: number, handlers: HandlerWriter): string[][] {
  return (['read', 'report', 'write'] as const)
    .filter((event) => !isTrivial(register[event]))
    .map((event) => [
      `function ${functionName(event, index)}(${parameters[event]}) { // ${event} ${register.name}`,
      ...indent(handlers.reaction(register[event])),
      '}',
    ]);
}

/** What an access that reached this register returns. */
function outcome(register: Register, id: number, event: Event, element: string): string {
  const allowed = event === 'write' ? register.writable : register.readable;
  if (!allowed) return `return ${event === 'write' ? register.rules.write : register.rules.read};`;
  const call = isTrivial(register[event])
    ? 'return 0;'
    : `return ${functionName(event, id)}(${element}, through, ${event === 'read' ? '' : 'lo, hi, '}now);`;
  if (event !== 'write' || register.reservedMask === 0n) return call;
  const lo = register.reservedMask % 2n ** 32n;
  const hi = register.reservedMask >> 32n;
  const bad = [lo === 0n ? '' : `(lo & ${lo}) !== 0`, hi === 0n ? '' : `(hi & ${hi}) !== 0`]
    .filter((part) => part !== '')
    .join(' || ');
  return `if (${bad}) return ${register.rules.reserved}; ${call}`;
}

function access(program: Program, state: StateLayout, event: Event): string[] {
  const lines = [
    `function ${event}(space, offset, width, ${event === 'read' ? '' : 'lo, hi, '}now) {`,
    '  let through = 0;',
  ];
  program.windows.forEach((window, index) => {
    const test = `space === ${window.space} && offset === ${window.offset} && width === ${window.width}`;
    lines.push(
      `  ${index > 0 ? 'else ' : ''}if (${test}) { space = ${window.into}; offset = ${state.place(window.selector, '')}; through = ${index + 1}; } // ${window.name}`,
    );
  });
  lines.push('  switch (space) {');
  for (const space of new Set(program.regions.map((region) => region.space))) {
    lines.push(`    case ${space}:`, ...indent(indent(indent(inSpace(program, space, event)))), '      break;');
  }
  lines.push('  }', '  return refuse(space, offset, width);', '}');
  return lines;
}

const widthTest = (register: Register): string => {
  const tests = register.accessWidths.map((width) => `width === ${width}`);
  return tests.length === 1 ? (tests[0] ?? 'false') : `(${tests.join(' || ')})`;
};

function inSpace(program: Program, space: number, event: Event): string[] {
  const lines: string[] = [];
  const entries = program.registers
    .map((register, id) => ({ register, id }))
    .filter(({ register }) => register.space === space);

  // Registers with the same fate share one case.
  const cases = new Map<string, { offset: number; name: string }[]>();
  for (const { register, id } of entries.filter((entry) => entry.register.count === 1)) {
    const fate = `if (${widthTest(register)}) { ${outcome(register, id, event, '0')} }`;
    cases.set(fate, [...(cases.get(fate) ?? []), { offset: register.offset, name: register.name }]);
  }
  if (cases.size > 0) {
    lines.push('switch (offset) {');
    for (const [fate, places] of cases) {
      for (const { offset, name } of places) lines.push(`  case ${offset}: // ${name}`);
      lines.push(`    ${fate}`, '    break;');
    }
    lines.push('}');
  }
  for (const { register, id } of entries.filter((entry) => entry.register.count > 1)) {
    const { offset, stride, count } = register;
    const into = offset === 0 ? 'offset' : `(offset - ${offset})`;
    const inRange = `offset >= ${offset} && offset <= ${offset + stride * (count - 1)} && ${into} % ${stride} === 0 && ${widthTest(register)}`;
    lines.push(`if (${inRange}) { ${outcome(register, id, event, `${into} / ${stride}`)} } // ${register.name}[]`);
  }
  for (const area of program.areas.filter((each) => each.space === space)) {
    const allowed = event === 'write' ? area.writable : area.readable;
    const verdict = allowed ? 0 : event === 'write' ? area.rules.write : area.rules.read;
    const inRange = `offset >= ${area.offset} && offset + width <= ${area.offset + area.sizeBytes}`;
    // A misaligned access ends the search, as in the interpreter.
    lines.push(
      `if (${inRange}) { return offset % width === 0 ? ${verdict} : refuse(space, offset, width); } // ${area.name}`,
    );
  }
  return lines;
}

function eventFunction(name: string, parameterList: string, reaction: Reaction, handlers: HandlerWriter): string[] {
  return [`function ${name}(${parameterList}) {`, ...indent(handlers.reaction(reaction)), '}'];
}

function reporting(program: Program, state: StateLayout): string[] {
  const exact = (index: number, max: bigint): string =>
    isWide(max)
      ? `(BigInt(${state.place(index, 'hi')}) << 32n) | BigInt(${state.place(index, 'lo')})`
      : `BigInt(${state.place(index, '')})`;
  return [
    'function reset() {',
    ...state.reset,
    '  grants = 0; lastHit = 0;',
    '}',
    'function states() {',
    `  return [${program.machines.map((machine) => state.place(machine.scalar, '')).join(', ')}];`,
    '}',
    'function snapshot() {',
    `  return [${program.scalars.map((scalar, index) => exact(index, scalar.max)).join(', ')}];`,
    '}',
  ];
}
