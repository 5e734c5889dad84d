/**
 * A program as C99: one header, one source, freestanding. All state is one struct that the caller owns.
 *
 * No allocation, no recursion, no library: only <stdint.h>, <stdbool.h> and <stddef.h>. (A compiler may itself make loops
 * into memcpy or memset, which it asks of every freestanding environment.) Control flow is acyclic but for loops with bounds
 * known when compiling, and arithmetic is on uint64_t: a validator can read the compiled code back (adr/0004).
 * Clean under -std=c99 -Wall -Wextra -Werror -pedantic -Wconversion, with gcc and clang.
 */
import type { Program, Scalar, StateArray } from '../ir.ts';
import { ALL_POOLS } from '../runtime.ts';
import { accessCode } from './c-access.ts';
import { constant } from './c-expressions.ts';
import { CFunctions, type Operand } from './c-functions.ts';
import { CHandlers } from './c-handlers.ts';
import { header } from './c-header.ts';
import { CNames, type Field } from './c-names.ts';
import { ruleTable } from './c-rules.ts';
import { grantBody, keepers, neededHelpers, placeBody, refusalCode } from './c-support.ts';
import { indent } from './js-handlers.ts';

/** Two files: `NAME_monitor.h` and `NAME_monitor.c`. */
export interface CText {
  /** Begins the files' names and every external name. */
  readonly name: string;
  readonly header: string;
  readonly source: string;
}

export function emitC(program: Program): CText {
  const names = new CNames(program);
  const functions = new CFunctions(names.prefix);
  const handlers = new CHandlers(program, names);
  const { prefix } = names;
  const monitor = functions.monitor;
  const accesses = accessCode({ program, names, handlers, functions });
  const event = (name: string, parameters: string, operands: readonly Operand[], body: readonly string[]): string[] =>
    functions.external(`int32_t ${prefix}_monitor_${name}(${monitor}, ${parameters})`, operands, body);
  const grantReaction = handlers.reaction(program.grant, []);
  const trivialGrant = grantReaction.length === 1 && grantReaction[0] === 'return 0;';
  const events = [
    ...event(
      'store',
      'uint64_t address, uint64_t length, uint64_t now',
      ['address', 'length', 'purposes', 'now'],
      storeBody(handlers.reaction(program.store)),
    ),
    ...(['interrupt', 'check', 'tick'] as const).flatMap((name) =>
      event(name, 'uint64_t now', ['now'], handlers.reaction(program[name])),
    ),
    ...(trivialGrant ? [] : functions.define('judge_grant', ['address', 'length', 'purposes'], grantReaction)),
    ...event(
      'grant',
      'uint64_t address, uint64_t length, uint32_t purposes',
      ['address', 'length', 'purposes'],
      grantBody(program, trivialGrant ? undefined : functions.call('judge_grant')),
    ),
    ...event('place', 'uint32_t bar, uint64_t address, uint64_t length', ['address', 'length'], placeBody(program)),
  ];
  const body = [...accesses, ...events, ...lifeCode(program, names, functions)];
  const text = body.join('\n');
  // A table that only what is decided beforehand would look into is left out.
  const constants = names.tables.flatMap((field, id) =>
    new RegExp(`\\b${field.name}\\b`).test(text) ? tableText(field, program.tables[id]?.entries ?? []) : [],
  );
  const source = [
    `/* Reference monitor for ${program.device}, compiled by refmon from a device safety specification. Do not edit. */`,
    `/* SHA-256 of the specification: ${program.specificationHash} */`,
    `#include "${prefix}_monitor.h"`,
    '',
    '#define BARS 6u',
    '',
    ...constants,
    ...neededHelpers(names, text),
    ...keepers(names, handlers.kept),
    ...refusalCode(program),
    ...body,
    ...ruleTable(program, prefix),
  ].join('\n');
  return { name: prefix, header: header(program, names, handlers), source: `${source.trimEnd()}\n` };
}

/** In C all pools' rules apply to every store. */
function storeBody(body: readonly string[]): readonly string[] {
  const names = body.some((line) => /\bpurposes\b/.test(line));
  return names ? [`const uint64_t purposes = ${ALL_POOLS};`, ...body] : body;
}

function tableText({ name, storage, title }: Field, entries: readonly bigint[]): string[] {
  return [
    `/* ${title} */`,
    `static const uint${storage}_t ${name}[] = {${entries.map((entry) => constant(entry)).join(', ')}};`,
    '',
  ];
}

/** Beginning, reset, and what the monitor says about itself. */
function lifeCode(program: Program, names: CNames, functions: CFunctions): string[] {
  const { prefix } = names;
  const fresh = (field: Field, { initial }: Scalar | StateArray, array: boolean): string[] => {
    if (!array) return [`m->${field.name} = ${constantOf(initial)};`];
    return [`for (size_t i = 0; i < ${field.count}; i++) {`, `  m->${field.name}[i] = ${constantOf(initial)};`, '}'];
  };
  const constantOf = (value: bigint): string => (value < 2n ** 31n ? value.toString() : constant(value));
  const variables = [...names.scalars, ...names.arrays];
  const states = program.machines.map(({ scalar, array }, index) => {
    const from = array === undefined ? names.scalar(scalar).name : `${names.array(array.id).name}[${array.element}]`;
    return `states[${index}] = (uint32_t)m->${from};`;
  });
  return [
    ...functions.external(
      `void ${prefix}_monitor_reset(${functions.monitor})`,
      [],
      [
        ...names.scalars.flatMap((field, id) => fresh(field, program.scalars[id] as Scalar, false)),
        ...names.arrays.flatMap((field, id) => fresh(field, program.arrays[id] as StateArray, true)),
        'm->grants = 0;',
        'm->last_hit = 0;',
        'm->delivered = 0;',
      ],
    ),
    ...functions.external(
      `void ${prefix}_monitor_init(${functions.monitor}, struct ${prefix}_memory memory)`,
      [],
      [
        'm->memory = memory;',
        'for (uint32_t i = 0; i < BARS; i++) {',
        '  m->bar[i].base = 0;',
        '  m->bar[i].end = 0;',
        '}',
        `${prefix}_monitor_reset(m);`,
      ],
    ),
    ...functions.external(`uint64_t ${prefix}_monitor_value(const ${functions.monitor})`, [], ['return m->delivered;']),
    ...functions.external(`void ${prefix}_monitor_states(const ${functions.monitor}, uint32_t *states)`, [], states),
    ...functions.external(
      `void ${prefix}_monitor_snapshot(const ${functions.monitor}, uint64_t *variables)`,
      [],
      [
        ...(variables.length === 0 ? [] : ['size_t at = 0;']),
        ...names.scalars.map(({ name }) => `variables[at++] = m->${name};`),
        ...names.arrays.flatMap(({ name, count }) => [
          `for (size_t i = 0; i < ${count}; i++) {`,
          `  variables[at++] = m->${name}[i];`,
          '}',
        ]),
        ...(variables.length === 0 ? [] : ['(void)at;']),
      ],
    ),
  ].flatMap((line) => indent([line]).map((each) => each.slice(2)));
}
