/** 2xx: widths and ranges. */
import { error } from './entry.ts';

export const rangeMistakes = {
  DSS201: error(() => 'this is a number, but a condition is needed here', 'compare it, for example `x != 0`'),
  DSS202: error(() => 'this is a condition, but a number is needed here', 'write `if condition then 1 else 0`'),
  DSS203: error(
    (p: { value: string; bits: number; holds: string }) =>
      `${p.value} does not fit ${p.holds}, which has ${p.bits} bits`,
  ),
  DSS204: error(
    (p: { name: string; largest: string; max: string }) =>
      `the value may be as large as ${p.largest}, but \`${p.name}\` holds at most ${p.max}`,
    '`require` that it is small enough first, or wrap or saturate (`+%`, `+|`, `min`)',
  ),
  DSS205: error(
    (p: { left: string; right: string }) =>
      `the difference may fall below zero: the left side may be as small as ${p.left}, the right side as large as ${p.right}`,
    '`require` the order first, or use `-|` (stops at zero) or `-%` (wraps)',
  ),
  DSS206: error(
    (p: { largest: string }) => `the value may be as large as ${p.largest}, beyond 64 bits`,
    'use a wrapping or saturating operator, or smaller operands',
  ),
  DSS207: error((p: { bits: number }) => `\`u${p.bits}\` is not a type`, 'types are `u1` to `u64`'),
  DSS208: error((p: { bits: number }) => `a register or a field of a struct has 8, 16, 32 or 64 bits, not ${p.bits}`),
  DSS209: error((p: { name: string; bits: number }) => `the bits reach beyond ${p.name}, which has ${p.bits}`),
  DSS210: error((p: { a: string; b: string }) => `\`${p.a}\` and \`${p.b}\` share bits`),
  DSS211: error((p: { what: string }) => `${p.what} must be known when compiling`, 'use numbers and `const`s here'),
  DSS212: error(
    (p: { what: string; min: string; max: string; found: string }) =>
      `${p.what} must be from ${p.min} to ${p.max}, found ${p.found}`,
  ),
  DSS213: error(
    (p: { high: number; low: number }) => `the upper bit ${p.high} is below the lower bit ${p.low}`,
    'write the upper bit first: `[7:0]`',
  ),
  DSS214: error(
    (p: { name: string; end: string; region: string; size: string }) =>
      `\`${p.name}\` ends at ${p.end}, but region \`${p.region}\` has ${p.size} bytes`,
  ),
  DSS215: error((p: { a: string; b: string }) => `\`${p.a}\` and \`${p.b}\` lie on the same bytes`),
  DSS216: error(
    (p: { name: string; offset: string; width: number }) =>
      `\`${p.name}\` at ${p.offset} is not aligned to its ${p.width} bytes`,
  ),
  DSS217: error(
    (p: { width: string; name: string }) => `an access of ${p.width} bits does not fit \`${p.name}\``,
    'accesses have 8, 16 or 32 bits, or 64, and are not wider than the register',
  ),
  DSS218: error(() => 'division by zero is possible', '`require` that the divisor is not 0 first'),
  DSS219: error(
    (p: { name: string; end: number; size: number }) =>
      `field \`${p.name}\` ends at byte ${p.end}, but the struct has ${p.size} bytes`,
  ),
  DSS220: error((p: { largest: string }) => `a shift by up to ${p.largest} bits`, 'shift by a known amount below 64'),
  DSS221: error(
    (p: { what: string }) => `${p.what} are compared with an operator for numbers`,
    'conditions are joined with `and`, `or`, `not`, `==` or `!=`',
  ),
  DSS222: error(
    (p: { name: string; stride: number; width: number }) =>
      `the elements of \`${p.name}\` lie on each other: ${p.width} bytes each, ${p.stride} apart`,
    'the stride is the distance from one element to the next, in bytes',
  ),
  DSS223: error(
    (p: { text: string; found: string; wanted: string }) =>
      `\`${p.text}\` is a ${p.found}, but a ${p.wanted} is needed here`,
    'sizes are `4K`, `2M`, `1G`, times are `10us`, `10ms`, `1s`',
  ),
  DSS224: error(
    () => 'comparisons cannot be chained: the first gives a condition, not a number',
    'write both: `0 < v and v < 5`',
  ),
  DSS225: error(
    (p: { name: string; initial: string; max: string }) =>
      `\`${p.name}\` begins with ${p.initial}, but holds at most ${p.max}`,
    'begin with a smaller value, or declare it wider',
  ),

  // 24x: arrays, tables, clamps
  DSS240: error(
    (p: { name: string; largest: string; count: number }) =>
      `the index may be as large as ${p.largest}, but \`${p.name}\` has ${p.count} elements`,
    '`require` that it is small enough first',
  ),
  DSS241: error((p: { index: string; name: string }) => `\`${p.name}\` has two values for index ${p.index}`),
  DSS242: error(
    (p: { name: string; index: string }) => `\`${p.name}\` has no value for index ${p.index}`,
    'add it, or `else VALUE` for all others',
  ),
  DSS243: error(
    (p: { name: string }) => `\`${p.name}\` has reserved bits, which this value might set`,
    'clamp to a number whose reserved bits are 0',
  ),
} as const;
