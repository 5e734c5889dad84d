/**
 * THE catalogue: every diagnostic of the compiler, with its severity, its words and the parameters it needs.
 *
 * Phases: 0xx what is written, 1xx names, 2xx widths and ranges, 3xx registers and state machines, 4xx what is allowed
 * but looks wrong. A code is never reused. Wording: lower case, no full stop, the author's text in backticks, what was
 * found and what is allowed; the way out is the separate `help`.
 */

interface Entry<P> {
  readonly severity: 'error' | 'warning';
  readonly message: (parameters: P) => string;
  readonly help?: string;
}

function error<P = Record<string, never>>(message: (parameters: P) => string, help?: string): Entry<P> {
  return help === undefined ? { severity: 'error', message } : { severity: 'error', message, help };
}

function warning<P = Record<string, never>>(message: (parameters: P) => string, help?: string): Entry<P> {
  return help === undefined ? { severity: 'warning', message } : { severity: 'warning', message, help };
}

const aOrAn = (noun: string): string => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);

export const catalogue = {
  // ---- 0xx: what is written
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

  // ---- 1xx: names
  DSS101: error((p: { kind: string; name: string }) => `there is no ${p.kind} named \`${p.name}\``),
  DSS102: error(
    (p: { name: string; kind: string }) => `\`${p.name}\` is already ${aOrAn(p.kind)}`,
    'choose another name',
  ),
  DSS103: error(
    (p: { name: string; kind: string; wanted: string }) => `\`${p.name}\` is ${aOrAn(p.kind)}, not ${aOrAn(p.wanted)}`,
  ),
  DSS104: error((p: { member: string; of: string }) => `${p.of} has no \`${p.member}\``),
  DSS105: error(
    (p: { name: string }) => `\`${p.name}\` cannot be assigned to`,
    'only a `var` can change; a machine changes with `machine -> State`',
  ),
  DSS106: error((p: { name: string; kind: string }) => `\`${p.name}\` is ${aOrAn(p.kind)} and has no value by itself`),
  DSS107: error(
    (p: { name: string }) => `\`${p.name}\` is not a function`,
    'functions are `device.reads(address, length)`, `device.writes`, `device.fetches`, `device.outsideBars`, `address(structure)`, `min`, `max`, `programmed` and `elapsed`',
  ),
  DSS108: error(
    (p: { name: string; wanted: number; found: number }) =>
      `\`${p.name}\` takes ${p.wanted} arguments, found ${p.found}`,
  ),
  DSS109: error(
    (p: { word: string; actions: readonly string[] }) =>
      `\`${p.word}\` is not an action here: expected ${p.actions.map((each) => `\`${each}\``).join(', ')}`,
  ),
  DSS110: error(
    (p: { name: string }) => `register \`${p.name}\` is an array: say which element`,
    'write `NAME[index]`',
  ),
  DSS111: error((p: { name: string }) => `register \`${p.name}\` is not an array`, 'remove the index'),
  DSS112: error(
    (p: { name: string }) => `\`${p.name}\` means something only while a register is accessed`,
    'use it inside `on write`, `on read` or `on report`',
  ),
  DSS113: error((p: { name: string }) => `the value of \`${p.name}\` depends on itself`),

  // 14x: state, time, engines
  DSS140: error(
    (p: { kind: string; name: string }) => `\`${p.name}\` is ${aOrAn(p.kind)}: say which element`,
    'write `NAME[index]`',
  ),
  DSS142: error(
    (p: { name: string; engine: string }) => `\`${p.name}\` is no register of engine \`${p.engine}\``,
    'what belongs to the whole device stands outside of the engine',
  ),
  DSS143: error(
    (p: { name: string }) => `\`${p.name}\` means nothing here: the time is not known`,
    'use it in a handler; a grant and an invariant have no time',
  ),
  DSS144: error(
    () => '`[all]` stands for every element: it has no single value',
    'name one element, or use `[all]` only to assign, and to compare a machine with a state',
  ),
  DSS146: error(
    () => 'this place is counted from the begin of an engine, but stands in none',
    'write `REGION + OFFSET`',
  ),
  DSS150: error(
    (p: { name: string }) => `\`${p.name}\` has no address: only the structure that a walk has reached has one`,
    'use it on the name of a `for`: `for d in ... { address(d) }`',
  ),
  DSS151: error(
    (p: { trail: readonly string[] }) =>
      `a template includes itself: ${p.trail.map((each) => `\`${each}\``).join(' -> ')}`,
    'a template is written out whole, so it cannot contain itself',
  ),
  DSS152: error(
    (p: { name: string }) => `\`${p.name}\` must be a name here, but it stands for a value`,
    'pass the name of a register, a variable, a machine or a region',
  ),
  DSS153: error(
    () => 'written out, the templates of this device are too large or nest too deep',
    'a specification, written out, is no larger than the largest file',
  ),

  // ---- 2xx: widths and ranges
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

  // ---- 3xx: registers, handlers, machines
  DSS301: error(
    (p: { event: string; register: string }) => `two handlers for ${p.event} \`${p.register}\` could both apply`,
    'an operation must have one meaning: make the states disjoint',
  ),
  DSS302: error(
    (p: { event: string; register: string; mode: string }) =>
      `\`${p.register}\` is \`${p.mode}\`, so ${p.event} it never happens`,
    'change the access mode, or remove the handler',
  ),
  DSS303: error((p: { clause: string }) => `a second \`${p.clause}\``, 'only one is allowed; join them'),
  DSS304: error(
    (p: { states: string }) => `no operation can ever be in ${p.states}: these are different states of one machine`,
  ),
  DSS305: error(
    (p: { clauses: readonly string[]; of: string }) =>
      `\`${p.of}\` does not say its ${p.clauses.map((clause) => `\`${clause}\``).join(', ')}`,
  ),
  DSS306: error(
    (p: { steps: number; max: number }) => `one operation may need ${p.steps} steps; the bound is ${p.max}`,
    'lower the bounds of the walks, or do less in each turn',
  ),
  DSS307: error(
    () => '`on read` runs before the device is asked: there is no value yet',
    'use `on report`, which sees the value before the driver does',
  ),
  DSS309: error(
    (p: { name: string; largest: string; max: string }) =>
      `the count of ring \`${p.name}\` may be as large as ${p.largest}; the bound is ${p.max}`,
    "declare the count's `var` with `max`",
  ),
  DSS310: error(
    (p: { name: string; count: number; max: number }) => `there are ${p.count} ${p.name}; the bound is ${p.max}`,
  ),
  DSS311: error(
    () => 'a device needs a `reset { ... }`: what the kernel does to it when its driver misbehaves',
    'write the steps that make the device harmless in any state',
  ),
  DSS312: error(
    (p: { name: string; mode: string; verb: string }) => `\`${p.name}\` is \`${p.mode}\`, so no step can ${p.verb} it`,
    'change the access mode, or remove the step',
  ),
  DSS313: error(
    (p: { name: string; wanted: string }) => `window \`${p.name}\` ${p.wanted}`,
    'a window leads `into` another region than its own, `by` one register of at most 32 bits',
  ),
  DSS314: error(
    (p: { name: string; largest: string; max: string }) =>
      `an index of ring \`${p.name}\` may be as large as ${p.largest}; the bound is ${p.max}`,
    "declare the index's `var` with `max`",
  ),
  DSS315: error(
    (p: { name: string; bits: number }) => `\`${p.name}\` has rules, so it takes only whole accesses of ${p.bits} bits`,
    'remove `access`, or the rules: a rule about the whole cannot judge a part',
  ),

  // 34x: actions, engines
  DSS340: error(
    () => 'there is no value to clamp',
    'use `clamp` in `on write` and `on report`, where the operation brings a value',
  ),
  DSS341: error((p: { name: string; wanted: string }) => `\`${p.name}\` is not ${aOrAn(p.wanted)}`),
  DSS342: error(
    (p: { what: string }) => `an engine cannot hold ${p.what}`,
    'declare it outside, or as one value for each element',
  ),
  DSS350: error(
    (p: { largest: string; max: string }) =>
      `this table may have as many as ${p.largest} entries; the bound is ${p.max}`,
    'write `at most N` behind the count, or `require` a smaller one first',
  ),

  // ---- 4xx: allowed, but looks wrong
  DSS401: warning(
    (p: { kind: string; name: string }) => `${p.kind} \`${p.name}\` is never used`,
    'remove it, or use it',
  ),
  DSS402: warning((p: { truth: string }) => `this condition is always ${p.truth}`, 'check the ranges of both sides'),
  DSS403: warning(
    (p: { state: string }) => `nothing leads to \`${p.state}\``,
    'remove the state, or write the transition',
  ),
  DSS420: warning(
    (p: { state: string }) => `\`${p.state}\` can never be reached: only states that are never entered lead to it`,
    'write the transition that leads here',
  ),
  DSS421: warning(
    (p: { state: string; first: string }) => `from \`${p.state}\` nothing leads back to \`${p.first}\``,
    'write the transition; as it is, only a reset of the device ends this state',
  ),
  DSS422: warning(
    () => 'this holds whenever it is asked: an earlier rule has refused everything else',
    'remove it, or check what it was meant to say',
  ),
  DSS423: warning((p: { kind: string; name: string }) => `${p.kind} \`${p.name}\` is set, but nothing reads it`),
  DSS424: warning(
    (p: { name: string }) => `machine \`${p.name}\` changes, but no rule depends on its state`,
    'use it in `in`, or in a condition',
  ),
  DSS404: warning(() => 'no `match`: the kernel cannot know for which device this is', 'write `match pci VVVV:DDDD`'),
  DSS450: warning(
    (p: { item: string }) => `the way to the next member does not depend on \`${p.item}\`: the list never gets further`,
    'read the link from the structure, such as `next t.link`',
  ),
  DSS451: warning((p: { name: string }) => `\`${p.name}\` freezes no byte: its size is always 0`, 'say how many bytes'),
  DSS452: error(
    (p: { name: string; reason: string }) =>
      `what new memory of \`${p.name}\` is filled with breaks a rule of the pool: ${p.reason}`,
    'fill it with a word that keeps them, such as the mark that ends a list: `filled 1`',
  ),
} as const;

export type Code = keyof typeof catalogue;
export type Parameters<C extends Code> = (typeof catalogue)[C] extends Entry<infer P> ? P : never;
