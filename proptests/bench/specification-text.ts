/** Specifications of any length, for measuring: the same mix of lines at every size, within the language's limits. */

/** Lines of one register with its rules. */
const UNIT_LINES = 20;
const VARIABLES = 3;

/**
 * @param lines at least 100; the text has just so many
 */
export function specificationOf(lines: number): string {
  if (!Number.isInteger(lines) || lines < 100) throw new RangeError('`lines` must be an integer of at least 100');
  const out = ['device d {', 'match pci 1234:0001', 'region m = bar 0 memory 64K', 'machine t { A, B }'];
  for (let index = 0; index < VARIABLES; index += 1) out.push(`var x${index} : u16`);
  const closing = ['reset { delay 1ms }', '}'];
  const units = Math.floor((lines - out.length - closing.length) / UNIT_LINES);
  for (let index = 0; index < units; index += 1) out.push(...unit(index));
  while (out.length + closing.length < lines) out.push('// a line of its own');
  return `${[...out, ...closing].join('\n')}\n`;
}

function unit(index: number): string[] {
  const a = `x${index % VARIABLES}`;
  const b = `x${(index + 1) % VARIABLES}`;
  return [
    `// register ${index}`,
    `register R${index} at m+0x${(index * 4).toString(16)} : u32 rw { E = [0] }`,
    'in t.A {',
    `on write R${index}(v) {`,
    '  let n = v & 0xFF',
    '  require n < 200 "n"',
    '  if v.E {',
    `    ${a} = n + 1`,
    '  } else {',
    `    ${b} = n`,
    '    t -> B',
    '  }',
    '  } }',
    'in t.B {',
    `on write R${index}(v) {`,
    `  if ${a} == v[7:4] {`,
    `    ${b} = min(v, 9)`,
    '  }',
    '  t -> A',
    '} }',
  ];
}
