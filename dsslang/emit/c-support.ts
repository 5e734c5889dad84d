/**
 * What every emitted C monitor has: grants, placed BARs, blame for what nothing accepts, and small helpers. Only the helpers
 * that a source names are written into it; compilers warn of the others.
 */
import type { ArrayId, Program } from '../ir.ts';
import { BARS_MAX, GRANTS_MAX } from '../runtime.ts';
import { ADDRESS_LIMIT } from './c-handlers.ts';
import type { CNames } from './c-names.ts';
import { indent } from './js-handlers.ts';

const storages = [8, 16, 32, 64] as const;

/** Helpers in the order in which they are written; a later one may use an earlier one. */
function helpers(prefix: string): ReadonlyMap<string, readonly string[]> {
  const monitor = `struct ${prefix}_monitor *m`;
  const bytes = (count: number): string =>
    Array.from({ length: count }, (_, i) => (i === 0 ? '(uint64_t)from[0]' : `(uint64_t)from[${i}] << ${8 * i}`)).join(
      ' | ',
    );
  return new Map<string, readonly string[]>([
    ['plain', ['static uint64_t plain(uint64_t value) {', '  return value;', '}']],
    ['least', ['static uint64_t least(uint64_t a, uint64_t b) {', '  return a < b ? a : b;', '}']],
    ['greatest', ['static uint64_t greatest(uint64_t a, uint64_t b) {', '  return a > b ? a : b;', '}']],
    [
      'add_sat',
      [
        'static uint64_t add_sat(uint64_t a, uint64_t b, uint64_t most) {',
        '  return a > most || b > most - a ? most : a + b;',
        '}',
      ],
    ],
    ['sub_sat', ['static uint64_t sub_sat(uint64_t a, uint64_t b) {', '  return a > b ? a - b : 0;', '}']],
    ...[2, 4, 8].map(
      (count) =>
        [
          `load${count * 8}`,
          [`static uint64_t load${count * 8}(const uint8_t *from) {`, `  return ${bytes(count)};`, '}'],
        ] as const,
    ),
    [
      'within_mask',
      [
        '/*',
        ' * All ones for an index inside, zero outside. Without a branch: no guess of the processor reads past an array, and no',
        ' * compiler clones the path of one index past the end and then warns of it (gcc 12: array-bounds, stringop-overflow).',
        ' */',
        'static uint64_t within_mask(uint64_t index, uint64_t count) {',
        '  return UINT64_C(0) - (uint64_t)(index < count);',
        '}',
      ],
    ],
    ...storages.flatMap((bits) => {
      const narrow = (value: string): string => (bits === 64 ? value : `(uint${bits}_t)(${value})`);
      const cast = bits === 64 ? 'value' : `(uint${bits}_t)value`;
      const chosen = narrow('(value & within) | (array[at] & ~within)');
      return [
        [
          `at${bits}`,
          [
            `static uint64_t at${bits}(const uint${bits}_t *array, uint64_t count, uint64_t index) {`,
            '  const uint64_t within = within_mask(index, count);',
            '  return array[index & within] & within;',
            '}',
          ],
        ],
        [
          `put${bits}`,
          [
            `static void put${bits}(uint${bits}_t *array, uint64_t count, uint64_t index, uint64_t value) {`,
            '  const uint64_t within = within_mask(index, count);',
            '  const uint64_t at = index & within;',
            `  array[at] = ${chosen};`,
            '}',
          ],
        ],
        [
          `fill${bits}`,
          [
            `static void fill${bits}(uint${bits}_t *array, uint64_t count, uint64_t value) {`,
            '  for (uint64_t i = 0; i < count; i++) {',
            `    array[i] = ${cast};`,
            '  }',
            '}',
          ],
        ],
      ] as (readonly [string, readonly string[]])[];
    }),
    [
      'fetch',
      [
        `static bool fetch(${monitor}, uint64_t address, uint64_t length, uint8_t *target) {`,
        '  return m->memory.fetch(m->memory.context, address, (size_t)length, target);',
        '}',
      ],
    ],
    [
      'stored',
      [
        `static bool stored(${monitor}, uint64_t address, uint64_t length, uint8_t *target) {`,
        '  return m->memory.stored(m->memory.context, address, (size_t)length, target);',
        '}',
      ],
    ],
    [
      'covers',
      [
        `static bool covers(const struct ${prefix}_grant *grant, uint64_t purposes, uint64_t base, uint64_t end) {`,
        '  return (grant->purposes & purposes) == purposes && grant->base <= base && end <= grant->end;',
        '}',
      ],
    ],
    [
      'inside',
      [
        '/* Does one grant with these purposes hold all of it? The last hit is tried first: descriptors come in runs. */',
        `static bool inside(${monitor}, uint64_t purposes, uint64_t base, uint64_t length) {`,
        '  if (length == 0) {',
        '    return true;',
        '  }',
        `  if (base >= ${ADDRESS_LIMIT} || length > ${ADDRESS_LIMIT} - base) {`,
        '    return false;',
        '  }',
        '  const uint64_t end = base + length;',
        '  if (m->last_hit < m->grants && covers(&m->grant[m->last_hit], purposes, base, end)) {',
        '    return true;',
        '  }',
        '  for (uint32_t i = 0; i < m->grants; i++) {',
        '    if (covers(&m->grant[i], purposes, base, end)) {',
        '      m->last_hit = i;',
        '      return true;',
        '    }',
        '  }',
        '  return false;',
        '}',
      ],
    ],
    [
      'outside_bars',
      [
        `static bool outside_bars(const ${monitor}, uint64_t base, uint64_t length) {`,
        '  for (uint32_t i = 0; i < BARS; i++) {',
        '    /* Written as a difference: the sum of base and length may not fit. */',
        '    if (base < m->bar[i].end && (base >= m->bar[i].base || length > m->bar[i].base - base)) {',
        '      return length == 0;',
        '    }',
        '  }',
        '  return true;',
        '}',
      ],
    ],
  ]);
}

/** The helpers that a text needs, each closed by an empty line. */
export function neededHelpers(names: CNames, text: string): string[] {
  const all = [...helpers(names.prefix)];
  const needed: string[][] = [];
  let rest = text;
  for (const [name, lines] of all.reverse()) {
    if (!new RegExp(`\\b${name}\\(`).test(rest)) continue;
    rest += lines.join('\n');
    needed.unshift([...lines, '']);
  }
  return needed.flat();
}

/** Functions that keep an array aside, and bring it back. */
export function keepers(names: CNames, kept: ReadonlySet<ArrayId>): string[] {
  return [...kept].flatMap((id) => {
    const { name, count } = names.array(id);
    const copy = (verb: string, to: string, from: string): string[] => [
      `static void ${verb}${id}(struct ${names.prefix}_monitor *m) {`,
      `  for (size_t i = 0; i < ${count}; i++) {`,
      `    m->${to}[i] = m->${from}[i];`,
      '  }',
      '}',
      '',
    ];
    return [...copy('keep', `kept_${name}`, name), ...copy('restore', name, `kept_${name}`)];
  });
}

/**
 * `refuse`: which rule refuses an access that nothing accepts: the register it touches, else its region, else the device.
 * `touched` is the first part of it, 0 if there is no such register; where an area refuses, the area comes second.
 */
export function refusalCode(program: Program): string[] {
  const registers = program.registers.map(
    (r) => `  {${r.space}, ${r.offset}, ${r.count}, ${r.stride}, ${r.width}, ${r.rules.width}},`,
  );
  const regions = program.regions.map((r) => `  {${r.space}, ${r.base}, ${r.base + r.sizeBytes}, ${r.unlisted}},`);
  const touched = [
    '  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {',
    '    if (places[i].space != space || offset + width <= places[i].first) {',
    '      continue;',
    '    }',
    '    /* The last element that begins before the access ends; if that one is not touched, none is. */',
    '    uint64_t element = (offset + width - 1 - places[i].first) / places[i].stride;',
    '    if (element >= places[i].count) {',
    '      element = places[i].count - 1;',
    '    }',
    '    if (offset < places[i].first + element * places[i].stride + places[i].width) {',
    '      return places[i].rule;',
    '    }',
    '  }',
  ];
  const unused = registers.length === 0 ? ['  (void)space;', '  (void)offset;', '  (void)width;'] : [];
  return [
    ...(registers.length === 0
      ? []
      : [
          'static const struct {',
          '  uint64_t space, first, count, stride, width;',
          '  int32_t rule;',
          '} places[] = {',
          ...registers,
          '};',
          '',
        ]),
    ...(regions.length === 0
      ? []
      : [
          'static const struct {',
          '  uint64_t space, first, end;',
          '  int32_t rule;',
          '} regions[] = {',
          ...regions,
          '};',
          '',
        ]),
    '/* The rule of the register that an access touches; 0 if it touches none. */',
    'static int32_t touched(uint64_t space, uint64_t offset, uint64_t width) {',
    ...unused,
    ...(registers.length === 0 ? [] : touched),
    '  return 0;',
    '}',
    '',
    '/* Which rule refuses what nothing accepts: that of the register it touches, of its region, or of the device. */',
    'static int32_t refuse(uint64_t space, uint64_t offset, uint64_t width) {',
    '  const int32_t register_rule = touched(space, offset, width);',
    '  if (register_rule != 0) {',
    '    return register_rule;',
    '  }',
    ...(regions.length === 0
      ? []
      : [
          '  for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {',
          '    if (regions[i].space == space && offset >= regions[i].first && offset < regions[i].end) {',
          '      return regions[i].rule;',
          '    }',
          '  }',
        ]),
    `  return ${program.builtin.unknownSpace};`,
    '}',
    '',
  ];
}

/** Bodies of the functions `grant` and `place`. @param judge a call that decides a grant, if its reaction has anything to say */
export function grantBody(program: Program, judge: string | undefined): string[] {
  const { badGrant, tooManyGrants } = program.builtin;
  return [
    ...beyondLimit(`length == 0 || `, badGrant),
    ...overlapping('grants', 'grant', badGrant),
    ...overlapping('BARS', 'bar', badGrant),
    `if (m->grants >= ${GRANTS_MAX}) {`,
    `  return ${tooManyGrants};`,
    '}',
    'm->grant[m->grants].base = address;',
    'm->grant[m->grants].end = address + length;',
    'm->grant[m->grants].purposes = purposes;',
    'm->grants++;',
    ...(judge === undefined
      ? ['return 0;']
      : [`const int32_t verdict = ${judge};`, 'if (verdict > 0) {', '  m->grants--;', '}', 'return verdict;']),
  ];
}

export function placeBody(program: Program): string[] {
  const { badBar } = program.builtin;
  return [
    ...beyondLimit(`bar >= ${BARS_MAX} || `, badBar),
    'if (length > 0) {',
    ...indent(overlapping('grants', 'grant', badBar)),
    '}',
    'm->bar[bar].base = length > 0 ? address : 0;',
    'm->bar[bar].end = length > 0 ? address + length : 0;',
    'return 0;',
  ];
}

function beyondLimit(first: string, rule: number): string[] {
  return [
    `if (${first}address >= ${ADDRESS_LIMIT} || length > ${ADDRESS_LIMIT} - address) {`,
    `  return ${rule};`,
    '}',
  ];
}

function overlapping(count: string, range: string, rule: number): string[] {
  return [
    `for (uint32_t i = 0; i < ${count === 'BARS' ? 'BARS' : `m->${count}`}; i++) {`,
    `  if (address < m->${range}[i].end && m->${range}[i].base < address + length) {`,
    `    return ${rule};`,
    '  }',
    '}',
  ];
}
