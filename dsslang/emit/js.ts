/**
 * A program as one JavaScript module that imports nothing: `info` and `createMonitor(memory)` (runtime.ts, MonitorModule).
 *
 * State lives in variables of a closure (js-state.ts); each operation is decoded by a switch over the offset. No allocation on the
 * allow path. What is only needed to explain a refusal (which register was touched, which region) is a table, not code.
 */
import type { Program, Reaction } from '../ir.ts';
import { monitorInfo } from '../monitor-info.ts';
import { ADDRESS_LIMIT, ALL_POOLS, BARS_MAX, GRANTS_MAX } from '../runtime.ts';
import { absent, accessCode } from './js-access.ts';
import { batchCode } from './js-batch.ts';
import { HandlerWriter, indent } from './js-handlers.ts';
import { StateLayout } from './js-state.ts';

/** @returns the text of an ES module */
export function emitJs(program: Program): string {
  const state = new StateLayout(program);
  const handlers = new HandlerWriter(program, state);
  const accesses = accessCode(program, handlers, state);
  const events = [
    storeFunction(program.store, handlers),
    eventFunction('interrupt', ['now'], handlers.reaction(program.interrupt)),
    eventFunction('check', ['now'], handlers.reaction(program.check)),
    eventFunction('tick', ['now'], handlers.reaction(program.tick)),
    grantFunction(program, handlers),
  ];
  const body = [
    ...state.declarations(),
    ...state.vectors(handlers.kept),
    'const delivered = new Float64Array(2);',
    ...handlers.scratchBytes.flatMap((bytes, depth) => [
      `const scratch${depth} = new Uint8Array(${bytes});`,
      `const view${depth} = new DataView(scratch${depth}.buffer);`,
    ]),
    ...grantCode(program),
    ...refusalCode(program),
    ...accesses,
    ...events.flat(),
    ...reporting(program, state),
    ...batchCode(),
    `return { ${members.join(', ')} };`,
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

const members = [
  ...['info', 'read', 'report', 'write', 'store', 'grant', 'place', 'tick', 'interrupt', 'check', 'runBatch'],
  ...['valueLo', 'valueHi', 'reset', 'states', 'snapshot'],
];

/** Grants end below 2^52, so plain numbers hold them exactly. The last hit is tried first: descriptors come in runs. */
function grantCode(program: Program): string[] {
  const { badBar } = program.builtin;
  return [
    `const grantBase = new Float64Array(${GRANTS_MAX}), grantEnd = new Float64Array(${GRANTS_MAX}), grantPurposes = new Uint8Array(${GRANTS_MAX});`,
    'let grants = 0, lastHit = 0;',
    'function inside(purposes, lo, hi, length) {',
    '  lo >>>= 0; hi >>>= 0;',
    '  if (length === 0) return true;',
    '  if (hi >= 1048576) return false;',
    '  const base = hi * 4294967296 + lo, end = base + length;',
    '  if (lastHit < grants && (grantPurposes[lastHit] & purposes) === purposes && grantBase[lastHit] <= base && end <= grantEnd[lastHit]) return true;',
    '  for (let i = 0; i < grants; i += 1) {',
    '    if ((grantPurposes[i] & purposes) === purposes && grantBase[i] <= base && end <= grantEnd[i]) { lastHit = i; return true; }',
    '  }',
    '  return false;',
    '}',
    `const barBase = new Float64Array(${BARS_MAX}), barEnd = new Float64Array(${BARS_MAX});`,
    'function outsideBars(lo, hi, length) {',
    '  const base = (hi >>> 0) * 4294967296 + (lo >>> 0), end = base + length;',
    `  for (let i = 0; i < ${BARS_MAX}; i += 1) if (base < barEnd[i] && barBase[i] < end) return length === 0;`,
    '  return true;',
    '}',
    'function place(bar, address, length) {',
    `  if (!(bar >= 0 && bar < ${BARS_MAX}) || address >= ${ADDRESS_LIMIT} || length > ${ADDRESS_LIMIT} - address) return ${badBar};`,
    '  if (length > 0)',
    `    for (let i = 0; i < grants; i += 1) if (address < grantEnd[i] && grantBase[i] < address + length) return ${badBar};`,
    '  barBase[bar] = length > 0 ? address : 0; barEnd[bar] = length > 0 ? address + length : 0;',
    '  return 0;',
    '}',
  ];
}

/** A grant is live while its own reaction runs, and is taken back if that denies. */
function grantFunction(program: Program, handlers: HandlerWriter): string[] {
  const { badGrant, tooManyGrants } = program.builtin;
  const reaction = handlers.reaction(program.grant, []);
  const trivial = reaction.length === 1 && reaction[0] === 'return 0;';
  return [
    ...(trivial ? [] : eventFunction('judgeGrant', ['address', 'length', 'purposes'], reaction)),
    'function grant(address, length, purposes) {',
    `  if (length === 0 || address >= ${ADDRESS_LIMIT} || length > ${ADDRESS_LIMIT} - address) return ${badGrant};`,
    `  for (let i = 0; i < grants; i += 1) if (address < grantEnd[i] && grantBase[i] < address + length) return ${badGrant};`,
    `  for (let i = 0; i < ${BARS_MAX}; i += 1) if (address < barEnd[i] && barBase[i] < address + length) return ${badGrant};`,
    `  if (grants >= ${GRANTS_MAX}) return ${tooManyGrants};`,
    '  grantBase[grants] = address; grantEnd[grants] = address + length; grantPurposes[grants] = purposes; grants += 1;',
    ...(trivial
      ? ['  return 0;']
      : [
          '  const verdict = judgeGrant(address, length, purposes);',
          '  if (verdict > 0) grants -= 1;',
          '  return verdict;',
        ]),
    '}',
  ];
}

const PLACE_COLUMNS = 6;

/**
 * Which rule refuses an access that nothing accepts: the register it touches, else its region, else the device. `touched`
 * is the first part of it, 0 if there is no such register; where an area refuses, the area comes second.
 */
function refusalCode(program: Program): string[] {
  // One flat table of numbers: space, first offset, count, stride, width, rule.
  const registers = program.registers.map((r) => [r.space, r.offset, r.count, r.stride, r.width, r.rules.width]);
  const regions = program.regions.map((r) => [r.space, r.base, r.base + r.sizeBytes, r.unlisted]);
  return [
    `const places = ${JSON.stringify(registers.flat())};`,
    `const regions = ${JSON.stringify(regions)};`,
    'function touched(space, offset, width) {',
    `  for (let at = 0; at < places.length; at += ${PLACE_COLUMNS}) {`,
    '    if (places[at] !== space) continue;',
    '    const first = places[at + 1], stride = places[at + 3];',
    '    // The last element that begins before the access ends; if that one is not touched, none is.',
    '    const element = Math.min(places[at + 2] - 1, Math.floor((offset + width - 1 - first) / stride));',
    '    if (element >= 0 && offset < first + element * stride + places[at + 4]) return places[at + 5];',
    '  }',
    '  return 0;',
    '}',
    'function refuse(space, offset, width) {',
    '  const rule = touched(space, offset, width);',
    '  if (rule !== 0) return rule;',
    '  for (const [where, first, end, rule] of regions) if (where === space && offset >= first && offset < end) return rule;',
    `  return ${program.builtin.unknownSpace};`,
    '}',
  ];
}

/**
 * `store` only puts its arguments down, so that the engine can make it part of its caller: passed on as arguments, an
 * address or a time above 2^31 would each be a new heap object.
 */
function storeFunction(reaction: Reaction, handlers: HandlerWriter): string[] {
  return [
    'const stored = new Float64Array(4);',
    `function store(address, length, now, pools = ${ALL_POOLS}) {`,
    '  stored[0] = address; stored[1] = length; stored[2] = now; stored[3] = pools;',
    '  return judgeStore();',
    '}',
    'function judgeStore() {',
    '  const address = stored[0], length = stored[1], now = stored[2], purposes = stored[3];',
    ...bodyText(['address', 'length', 'now', 'purposes'], handlers.reaction(reaction)),
    '}',
  ];
}

function eventFunction(name: string, parameters: readonly string[], body: readonly string[]): string[] {
  return [`function ${name}(${parameters.join(', ')}) {`, ...bodyText(parameters, body), '}'];
}

function bodyText(parameters: readonly string[], body: readonly string[]): string[] {
  return [...absent(parameters, body.join('\n')), ...indent(body)];
}

function reporting(program: Program, state: StateLayout): string[] {
  return [
    'function reset() {',
    ...indent(state.reset()),
    '  grants = 0; lastHit = 0;',
    '}',
    'function valueLo() { return delivered[0]; }',
    'function valueHi() { return delivered[1]; }',
    'function states() {',
    `  return [${program.machines
      .map(({ scalar, array }) =>
        array === undefined ? state.place(scalar) : `${state.array(array.id).name}[${array.element}]`,
      )
      .join(', ')}];`,
    '}',
    'function snapshot() {',
    `  return [${state.exact().join(', ')}];`,
    '}',
  ];
}
