/**
 * Register accesses as JavaScript: which register, area or window an access meets, and what that makes of it.
 */
import type { Program, Reaction, Register } from '../ir.ts';
import { indent, type HandlerWriter } from './js-handlers.ts';
import type { StateLayout } from './js-state.ts';

/** The functions `read`, `report` and `write`, and those that they call. */
export function accessCode(program: Program, handlers: HandlerWriter, state: StateLayout): string[] {
  const signatures: Signatures = new Map();
  const common = handlers.alwaysActs
    ? events.flatMap((event) =>
        functionText(`${event}Any`, parametersOf(event), handlers.reaction(nothing), signatures),
      )
    : [];
  return [
    ...common,
    ...program.registers.flatMap((register, index) => registerFunctions(register, index, handlers, signatures)),
    ...events.flatMap((event) => access(program, event, handlers, signatures, state)),
  ];
}

type Event = 'read' | 'report' | 'write';
const events = ['read', 'report', 'write'] as const;
const nothing: Reaction = { handlers: [], otherwise: undefined };

const isTrivial = (reaction: Reaction): boolean => reaction.handlers.length === 0 && reaction.otherwise === undefined;
const functionName = (event: Event, index: number): string => `${event}${index}`;
/** A read comes without a value; where one is asked for, it is 0. */
const parametersOf = (event: Event): readonly string[] =>
  event === 'read' ? ['index', 'through', 'now'] : ['index', 'through', 'lo', 'hi', 'now'];

/** Which of its possible parameters each function takes. */
type Signatures = Map<string, readonly string[]>;

/**
 * A function that takes only what its body uses. Halves of values travel as signed words: as an argument, an unsigned one
 * of 2^31 or more would be a new heap object. So no call inside of a monitor allocates.
 */
function functionText(
  name: string,
  possible: readonly string[],
  body: readonly string[],
  signatures: Signatures,
): string[] {
  const text = body.join('\n');
  const used = possible.filter((parameter) => new RegExp(`\\b${parameter}\\b`).test(text));
  signatures.set(name, used);
  const words = used.filter((parameter) => parameter === 'lo' || parameter === 'hi');
  const unsigned = words.map((word) => `  ${word} >>>= 0;`);
  return [`function ${name}(${used.join(', ')}) {`, ...unsigned, ...absent(possible, text), ...indent(body), '}'];
}

/** Arguments that the body names and the operation does not have are 0. */
export function absent(possible: readonly string[], text: string): string[] {
  return ['lo', 'hi', 'index', 'through', 'now', 'address', 'length', 'purposes']
    .filter((name) => !possible.includes(name) && new RegExp(`(?<![.\\w])${name}\\b`).test(text))
    .map((name) => `  let ${name} = 0;`);
}

/** A call of such a function. @param passed what to pass for parameters that are not variables of the same name */
function callText(name: string, passed: Readonly<Record<string, string>>, signatures: Signatures): string {
  const values = (signatures.get(name) ?? []).map((parameter) =>
    parameter === 'lo' || parameter === 'hi' ? `${parameter} | 0` : (passed[parameter] ?? parameter),
  );
  return `${name}(${values.join(', ')})`;
}

/** The handlers of one register, one function for each kind of access that has any. */
function registerFunctions(
  register: Register,
  index: number,
  handlers: HandlerWriter,
  signatures: Signatures,
): string[] {
  return events
    .filter((event) => !isTrivial(register[event]))
    .flatMap((event) => [
      `// ${event} ${register.name}`,
      ...functionText(functionName(event, index), parametersOf(event), handlers.reaction(register[event]), signatures),
    ]);
}

/** What an access that reached this register returns. */
function outcome(
  register: Register,
  id: number,
  event: Event,
  element: string,
  always: boolean,
  signatures: Signatures,
): string {
  const allowed = event === 'write' ? register.writable : register.readable;
  if (!allowed) return `return ${event === 'write' ? register.rules.write : register.rules.read};`;
  const name = isTrivial(register[event]) ? `${event}Any` : functionName(event, id);
  const call =
    isTrivial(register[event]) && !always ? 'return 0;' : `return ${callText(name, { index: element }, signatures)};`;
  if (event !== 'write' || register.reservedMask === 0n) return call;
  const lo = register.reservedMask % 2n ** 32n;
  const hi = register.reservedMask >> 32n;
  const bad = [lo === 0n ? '' : `(lo & ${lo}) !== 0`, hi === 0n ? '' : `(hi & ${hi}) !== 0`]
    .filter((part) => part !== '')
    .join(' || ');
  return `if (${bad}) return ${register.rules.reserved}; ${call}`;
}

/**
 * The functions for one kind of access: a small one that chooses the space and sees through windows - small, so that the
 * engine can make it part of its caller - and one for each space.
 */
function access(
  program: Program,
  event: Event,
  handlers: HandlerWriter,
  signatures: Signatures,
  state: StateLayout,
): string[] {
  const spaces = [...new Set(program.regions.map((region) => region.space))];
  const inner = spaces.flatMap((space) => {
    const body = [
      ...inSpace(program, space, event, handlers.alwaysActs, signatures),
      `return refuse(${space}, offset, width);`,
    ];
    return functionText(`${event}In${space}`, ['offset', 'width', ...parametersOf(event)], body, signatures);
  });
  const enter = (space: number, offset: string, through: number): string => {
    if (!spaces.includes(space)) return `return refuse(${space}, ${offset}, width);`;
    return `return ${callText(`${event}In${space}`, { offset, through: String(through) }, signatures)};`;
  };
  return [
    ...inner,
    `function ${event}(space, offset, width, ${event === 'read' ? '' : 'lo, hi, '}now) {`,
    // A space without windows is not asked about those of the others.
    ...spaces.flatMap((space) => [
      ...program.windows.flatMap((window, index) => {
        if (window.space !== space) return [];
        const test = `space === ${space} && offset === ${window.offset} && width === ${window.width}`;
        return `  if (${test}) ${enter(window.into, selectorText(state, window.selector), index + 1)} // ${window.name}`;
      }),
      `  if (space === ${space}) ${enter(space, 'offset', 0)}`,
    ]),
    '  return refuse(space, offset, width);',
    '}',
  ];
}

function selectorText(state: StateLayout, selector: number): string {
  if (!state.wide(selector)) return state.place(selector);
  return `${state.place(selector, 'hi')} * 4294967296 + ${state.place(selector, 'lo')}`;
}

const widthTest = (register: Register): string => {
  const tests = register.accessWidths.map((width) => `width === ${width}`);
  return tests.length === 1 ? (tests[0] ?? 'false') : `(${tests.join(' || ')})`;
};

/** What an access at one offset meets. */
interface Place {
  readonly offset: number;
  readonly name: string;
  /** The code that decides it. */
  readonly fate: string;
}

/** V8 tries the cases of a sparse switch one after the other, so more than this are halved first. */
const SWITCH_CASES_MAX = 6;

/** Decodes the offset: a binary search, then a switch. Registers with the same fate share one case. */
function decode(places: readonly Place[]): string[] {
  if (places.length === 0) return [];
  const middle = places[places.length >> 1];
  if (places.length > SWITCH_CASES_MAX && middle !== undefined) {
    const half = places.length >> 1;
    return [
      `if (offset < ${middle.offset}) {`,
      ...indent(decode(places.slice(0, half))),
      '} else {',
      ...indent(decode(places.slice(half))),
      '}',
    ];
  }
  const cases = new Map<string, Place[]>();
  for (const place of places) cases.set(place.fate, [...(cases.get(place.fate) ?? []), place]);
  const lines = ['switch (offset) {'];
  for (const [fate, alike] of cases) {
    for (const { offset, name } of alike) lines.push(`  case ${offset}: // ${name}`);
    lines.push(`    ${fate}`, '    break;');
  }
  return [...lines, '}'];
}

function inSpace(program: Program, space: number, event: Event, always: boolean, signatures: Signatures): string[] {
  const entries = program.registers
    .map((register, id) => ({ register, id }))
    .filter(({ register }) => register.space === space);
  const places = new Map<number, Place>();
  for (const { register, id } of entries.filter((entry) => entry.register.count === 1)) {
    const { offset, name } = register;
    const fate = `if (${widthTest(register)}) { ${outcome(register, id, event, '0', always, signatures)} }`;
    // A fifo may begin where another register does, which takes other widths.
    const before = places.get(offset);
    places.set(
      offset,
      before === undefined
        ? { offset, name, fate }
        : { offset, name: `${before.name}, ${name}`, fate: `${before.fate} ${fate}` },
    );
  }
  const lines = decode([...places.values()].sort((a, b) => a.offset - b.offset));
  for (const { register, id } of entries.filter((entry) => entry.register.count > 1)) {
    const { offset, stride, count } = register;
    const into = offset === 0 ? 'offset' : `(offset - ${offset})`;
    const inRange = `offset >= ${offset} && offset <= ${offset + stride * (count - 1)} && ${into} % ${stride} === 0 && ${widthTest(register)}`;
    lines.push(
      `if (${inRange}) { ${outcome(register, id, event, `${into} / ${stride}`, always, signatures)} } // ${register.name}[]`,
    );
  }
  for (const area of program.areas.filter((each) => each.space === space)) {
    const allowed = event === 'write' ? area.writable : area.readable;
    const pass = always ? callText(`${event}Any`, { index: '0' }, signatures) : '0';
    const rule = event === 'write' ? area.rules.write : area.rules.read;
    const verdict = allowed ? pass : `touched(${space}, offset, width) || ${rule}`;
    const inRange = `offset >= ${area.offset} && offset + width <= ${area.offset + area.sizeBytes}`;
    // A misaligned access ends the search, as in the interpreter.
    lines.push(
      `if (${inRange}) { return offset % width === 0 ? ${verdict} : refuse(${space}, offset, width); } // ${area.name}`,
    );
  }
  return lines;
}
