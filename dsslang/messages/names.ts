/** 1xx: names. */
import { aOrAn, error } from './entry.ts';

export const nameMistakes = {
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
    'only a `var`, a `counter` or a `mut` can change',
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
  DSS114: error(
    (p: { state: string; machine: string }) =>
      `\`${p.state}\` is a state of \`${p.machine}\` and has no value by itself`,
    'compare the machine with it: `machine == State`',
  ),
  DSS115: error(
    (p: { field: string; of: string }) => `\`${p.field}\` is a field: say of what, \`${p.of}.${p.field}\``,
    'a field belongs to a value or to a structure',
  ),
  DSS116: error(
    (p: { name: string }) => `this handler has no name \`${p.name}\` for the value of its operation`,
    'name it behind the register: `on write REGISTER(v) { ... }`',
  ),
  DSS117: error(
    (p: { name: string }) => `\`${p.name}\` is a register: a specification judges accesses and makes none`,
    'remember a value in a `var`; only `reset` and `mask` write registers',
  ),
  DSS118: error(
    (p: { name: string }) => `\`${p.name}\` is a machine: it does not hold a value, it changes its state`,
    'write `machine -> State`',
  ),
  DSS119: error(
    (p: { name: string }) => `\`${p.name}\` is what the driver wrote, or the device answered: it cannot be assigned to`,
    'to let another value pass in its place, write `require CONDITION "reason" else clamp VALUE`',
  ),
  DSS120: error(
    (p: { name: string; file: string }) => `template \`${p.name}\` is not imported`,
    'it comes with the language, in another file',
  ),

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
  DSS147: error(
    (p: { name: string; engine: string }) =>
      `\`${p.name}\` belongs to each element of engine \`${p.engine}\`, not to the device`,
    'its handlers stand inside the engine; from outside, it is `ENGINE[index].NAME`',
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
  DSS155: error(
    (p: { trail: readonly string[] }) =>
      `a check contains itself: ${p.trail.map((each) => `\`${each}\``).join(' -> ')}`,
    'a check is written out where it is used, so it cannot contain itself',
  ),
  DSS156: error(
    () => 'written out, the checks of this device are too large or nest too deep',
    'a specification, written out, has at most 65536 statements of checks, in at most 16 levels',
  ),
  DSS157: error(
    (p: { parameter: string; struct: string }) =>
      `\`${p.parameter}\` stands for a \`${p.struct}\` that a walk has reached, and this is none`,
    'pass the name of a `for` over that struct',
  ),
  DSS153: error(
    () => 'written out, the templates of this device are too large or nest too deep',
    'a specification, written out, is no larger than the largest file',
  ),
} as const;
