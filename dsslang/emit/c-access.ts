/** Register accesses as C: which register, area or window an access meets, and what that makes of it. */
import type { Area, Program, Reaction, Register } from '../ir.ts';
import { commentText, type CNames } from './c-names.ts';
import { constant } from './c-expressions.ts';
import type { CFunctions, Operand } from './c-functions.ts';
import type { CHandlers } from './c-handlers.ts';
import { indent } from './js-handlers.ts';

export type Access = 'read' | 'report' | 'write';
const accesses = ['read', 'report', 'write'] as const;
const nothing: Reaction = { handlers: [], otherwise: undefined };
const isTrivial = (reaction: Reaction): boolean => reaction.handlers.length === 0 && reaction.otherwise === undefined;

/** A read comes without a value; where one is asked for, it is 0. */
const operandsOf = (access: Access): readonly Operand[] =>
  access === 'read' ? ['index', 'through', 'now'] : ['index', 'through', 'value', 'now'];

interface Parts {
  readonly program: Program;
  readonly names: CNames;
  readonly handlers: CHandlers;
  readonly functions: CFunctions;
}

/** The static functions for accesses, and the three of the header. */
export function accessCode(parts: Parts): string[] {
  const { program, handlers, functions } = parts;
  const any = new Map(
    program.always.length === 0
      ? []
      : accesses.map((access) => [
          access,
          functions.define(`${access}_any`, operandsOf(access), handlers.reaction(nothing)),
        ]),
  );
  const registers = program.registers.flatMap((register, id) =>
    accesses
      .filter((access) => isAllowed(access, register) && !isTrivial(register[access]))
      .flatMap((access) => [
        `/* ${access} ${commentText(register.name)} */`,
        ...functions.define(`${access}_${id}`, operandsOf(access), handlers.reaction(register[access])),
      ]),
  );
  const rest = [...registers, ...accesses.flatMap((access) => dispatch(access, parts))];
  const text = rest.join('\n');
  return [...[...any].flatMap(([access, lines]) => (text.includes(`${access}_any(`) ? lines : [])), ...rest];
}

const isAllowed = (access: Access, { readable, writable }: Register | Area): boolean =>
  access === 'write' ? writable : readable;

/** What is returned where nothing but the common statements are to run. */
function pass(access: Access, { program, functions }: Parts, index: string): string {
  return program.always.length === 0 ? '0' : functions.call(`${access}_any`, { index });
}

function outcome(access: Access, register: Register, id: number, index: string, parts: Parts): string[] {
  const { rules } = register;
  if (!isAllowed(access, register)) return [`return ${access === 'write' ? rules.write : rules.read};`];
  const call = isTrivial(register[access])
    ? pass(access, parts, index)
    : parts.functions.call(`${access}_${id}`, { index });
  const reserved =
    access === 'write' && register.reservedMask !== 0n
      ? [`if ((value & ${constant(register.reservedMask)}) != 0) {`, `  return ${rules.reserved};`, '}']
      : [];
  return [...reserved, `return ${call};`];
}

const widthTest = (register: Register): string =>
  register.accessWidths.map((width) => `width == ${width}`).join(' || ') || 'false';

/** `offset >= first`, which goes without saying for 0. */
const from = (first: number): string => (first === 0 ? '' : `offset >= ${constant(BigInt(first))} && `);

interface Entry {
  readonly register: Register;
  readonly id: number;
}

/** The registers that begin at one offset: one, or a fifo and others that take other widths. */
function single(access: Access, offset: number, entries: readonly Entry[], parts: Parts): string[] {
  return [
    `case ${constant(BigInt(offset))}: /* ${entries.map(({ register }) => commentText(register.name)).join(', ')} */`,
    ...entries.flatMap(({ register, id }) => [
      `  if (${widthTest(register)}) {`,
      ...indent(indent(outcome(access, register, id, '0', parts))),
      '  }',
    ]),
    '  break;',
  ];
}

function several(access: Access, register: Register, id: number, parts: Parts): string[] {
  const { offset, stride, count } = register;
  const into = offset === 0 ? 'offset' : `(offset - ${constant(BigInt(offset))})`;
  const last = constant(BigInt(offset + stride * (count - 1)));
  return [
    `if (${from(offset)}offset <= ${last} && ${into} % ${stride} == 0 && (${widthTest(register)})) { /* ${commentText(register.name)}[] */`,
    ...indent(outcome(access, register, id, stride === 1 ? into : `${into} / ${stride}`, parts)),
    '}',
  ];
}

function inArea(access: Access, area: Area, parts: Parts): string[] {
  const { offset, sizeBytes, rules } = area;
  const rule = access === 'write' ? rules.write : rules.read;
  return [
    `if (${from(offset)}offset + width <= ${constant(BigInt(offset + sizeBytes))}) { /* ${commentText(area.name)} */`,
    // A misaligned access ends the search.
    '  if ((offset & (width - 1)) != 0) {',
    `    return refuse(${area.space}, offset, width);`,
    '  }',
    ...(isAllowed(access, area)
      ? [`  return ${pass(access, parts, '0')};`]
      : [
          `  const int32_t register_rule = touched(${area.space}, offset, width);`,
          `  return register_rule != 0 ? register_rule : ${rule};`,
        ]),
    '}',
  ];
}

/** The function that decodes an offset of one space. */
function inSpace(access: Access, space: number, parts: Parts): string[] {
  const entries: Entry[] = parts.program.registers
    .map((register, id) => ({ register, id }))
    .filter(({ register }) => register.space === space);
  const singles = new Map<number, Entry[]>();
  for (const entry of entries.filter(({ register }) => register.count === 1)) {
    const { offset } = entry.register;
    singles.set(offset, [...(singles.get(offset) ?? []), entry]);
  }
  const arrays = entries.filter(({ register }) => register.count > 1);
  const cases = [...singles].flatMap(([offset, alike]) => single(access, offset, alike, parts));
  const body = [
    ...(cases.length === 0 ? [] : ['switch (offset) {', ...cases, 'default:', '  break;', '}']),
    ...arrays.flatMap(({ register, id }) => several(access, register, id, parts)),
    ...parts.program.areas.filter((area) => area.space === space).flatMap((area) => inArea(access, area, parts)),
    `return refuse(${space}, offset, width);`,
  ];
  return parts.functions.define(`${access}_in_${space}`, ['offset', 'width', ...operandsOf(access)], body);
}

/** The function of the header: sees through windows, and chooses the space. */
function dispatch(access: Access, parts: Parts): string[] {
  const { program, names, functions } = parts;
  const spaces = [...new Set(program.regions.map((region) => region.space))];
  const inner = spaces.flatMap((space) => inSpace(access, space, parts));
  const enter = (space: number, through: number): string[] => [
    spaces.includes(space)
      ? `return ${functions.call(`${access}_in_${space}`, { through: String(through) })};`
      : `return refuse(${space}, offset, width);`,
  ];
  const windows = program.windows.flatMap((window, index) => [
    `if (space == ${window.space} && offset == ${window.offset} && width == ${window.width}) { /* ${commentText(window.name)} */`,
    `  offset = m->${names.scalar(window.selector).name};`,
    ...(names.scalar(window.selector).storage === 64 ? indent(beyond(program)) : []),
    ...indent(enter(window.into, index + 1)),
    '}',
  ]);
  const value = access === 'read' ? '' : ' uint64_t value,';
  const signature = `int32_t ${names.prefix}_monitor_${access}(${functions.monitor}, uint32_t space, uint64_t offset, uint32_t width,${value} uint64_t now)`;
  const body = [
    ...beyond(program),
    ...windows,
    'switch (space) {',
    ...spaces.flatMap((space) => [`case ${space}:`, ...indent(enter(space, 0))]),
    'default:',
    '  return refuse(space, offset, width);',
    '}',
  ];
  return [...inner, ...functions.external(signature, ['offset', 'width', ...operandsOf(access)], body)];
}

/** No region lies there; and below it, an offset and a width have a sum. */
function beyond(program: Program): string[] {
  return [`if (offset >= ${constant(2n ** 52n)}) {`, `  return ${program.builtin.unknownSpace};`, '}'];
}
