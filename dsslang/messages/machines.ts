/** 3xx: registers, handlers, machines. */
import { aOrAn, error } from './entry.ts';

export const machineMistakes = {
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
  DSS316: error(
    (p: { name: string }) => `this value sets reserved bits of \`${p.name}\``,
    'the steps of the kernel keep to the data sheet as well: write those bits as 0',
  ),
  DSS319: error(
    (p: { text: string }) => `this does not hold in the beginning: "${p.text}"`,
    'an invariant holds from the first state on: change it, the initial values, or the first state of a machine',
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
} as const;
