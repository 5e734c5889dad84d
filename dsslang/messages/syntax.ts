/** 0xx: what is written. */
import { error } from './entry.ts';

export const syntax = {
  DSS001: error((p: { found: string; expected: string }) => `expected ${p.expected}, found ${p.found}`),
  DSS002: error((p: { text: string }) => `\`${p.text}\` is not part of the language`),
  DSS003: error(() => 'this text has no closing quote', 'close it with `"` on the same line'),
  DSS004: error(
    (p: { line: number }) => `the file is not UTF-8 text (first bad byte in line ${p.line})`,
    'save it as UTF-8',
  ),
  DSS005: error(
    (p: { bytes: number; max: number }) => `the file has ${p.bytes} bytes; a specification has at most ${p.max}`,
    'a specification describes one device; split what does not belong to it',
  ),
  DSS006: error(
    (p: { what: string; max: number }) => `this nests too deep: more than ${p.max} ${p.what}`,
    'name parts of it with `let` or `const`',
  ),
  DSS007: error(
    (p: { digits: string }) => `\`${p.digits}\` does not fit 64 bits`,
    'the largest value is 0xFFFF_FFFF_FFFF_FFFF',
  ),
  DSS008: error(() => 'this file describes no device', 'begin with `device NAME { ... }`'),
  DSS009: error(
    (p: { name: string }) => `\`${p.name}\` is a second device; one file describes one device`,
    'move it to a file of its own',
  ),
  DSS010: error(() => 'this comment is never closed', 'close it with `*/`'),
  DSS011: error(
    (p: { text: string }) => `\`${p.text}\` is not a number`,
    'numbers are `42`, `0x2A`, `0b101`, `64K`, `10ms`',
  ),

  // Slips of those who know another language (slips.ts).
  DSS012: error(() => '`=` assigns; here two values are compared', 'write `==`'),
  DSS013: error(
    (p: { found: string; word: string }) =>
      `\`${p.found}\` is not part of the language: conditions are joined with words`,
    'the words are `and`, `or`, `not` and `implies`',
  ),
  DSS014: error(
    (p: { word: string }) => `this \`${p.word}\` gives no reason`,
    'say in double quotes what is wrong when it refuses: it is what the author of a driver reads',
  ),
  DSS015: error(
    (p: { word: string }) => `\`${p.word}\` stands outside of any handler`,
    'rules belong to an operation: `on write REGISTER(v) { ... }`',
  ),
  DSS016: error(
    (p: { word: string }) => `\`${p.word}\` declares something of the device, but stands in a handler`,
    'declare it outside; a name for one value is `let`, a number that changes in one handler is `mut`',
  ),
  DSS017: error((p: { operator: string }) => `\`${p.operator}\` is not part of the language`),
  DSS018: error(
    (p: { machine: string; state: string }) =>
      `the new state stands alone: the machine \`${p.machine}\` is named on the left`,
    'write `machine -> State`',
  ),
  DSS019: error(() => '`in` names a machine and one of its states', 'write `in MACHINE.STATE { ... }`'),
  DSS020: error(
    (p: { index: string }) => `a handler stands for every element: \`${p.index}\` cannot choose one`,
    'name the index, `on write NAME[i](v)`, and ask for it: `if i == 3 { ... }`',
  ),
  DSS021: error(
    (p: { word: string }) => `what an \`${p.word}\` does stands in braces`.replace('an `for`', 'a `for`'),
    'write `{ ... }`, also around a single statement',
  ),
  DSS022: error((p: { word: string }) => `there is no statement \`${p.word}\``),
  DSS023: error(
    (p: { missing: 'region' | 'offset' }) => `this place does not name its ${p.missing}`,
    'a place is a region and an offset: `regs + 0x10`',
  ),
  DSS024: error(
    () => 'there are no negative numbers',
    'every number is unsigned; `-|` stops at zero, `-%` wraps around',
  ),
  DSS025: error(() => 'there are no fractions', 'choose a smaller unit: `1500us` for 1.5 milliseconds'),
  DSS026: error(
    (p: { together: string }) => `a unit stands right behind its number: \`${p.together}\``,
    'sizes are `4K`, `2M`, `1G`, times are `10us`, `10ms`, `1s`',
  ),
  DSS027: error((p: { type: string }) => `\`${p.type}\` is not a type of this language`),
  DSS028: error(
    (p: { register: string }) => `this does not say what happens to \`${p.register}\``,
    'write `on write`, `on read` or `on report`',
  ),
  DSS029: error(
    (p: { bits: string }) => `bits stand in square brackets: \`[${p.bits}]\``,
    'write `NAME = [3]` for one bit, `NAME = [7:4]` for several',
  ),
  DSS030: error(() => 'a PCI id has four hexadecimal digits on both sides, and no `0x`', 'write `match pci 8086:100e`'),
  DSS031: error(
    () => 'a condition by itself does nothing',
    'write `require CONDITION "reason"`, `if CONDITION { ... }`, or `=` to assign',
  ),
  DSS032: error(
    () => 'there are no loops that count',
    'walk through memory, `for d in RING[FROM ..< TO]`, or name every element with `[all]`',
  ),

  DSS050: error(
    (p: { path: string }) => `\`${p.path}\` is not a path to import`,
    'a path begins with `std/`, or with `./` or `../` from the folder of this file, and has letters, digits, `_`, `-` and `.`',
  ),
  DSS051: error((p: { path: string; why: string }) => `\`${p.path}\` cannot be imported: ${p.why}`),
  DSS052: error(
    (p: { trail: readonly string[] }) =>
      `this import runs in a circle: ${p.trail.map((each) => `\`${each}\``).join(' -> ')}`,
    'move what both need into a file of its own',
  ),
  DSS053: error((p: { what: string; max: number }) => `one specification has at most ${p.max} ${p.what}`),
  DSS054: error(
    (p: { file: string }) => `\`${p.file}\` is imported, so it cannot describe a device`,
    'share `template`s, and describe the device in a file of its own',
  ),
} as const;
