/**
 * The meaning of the core calculus: short, slow, and right by reading. Emitted code is correct if it agrees with this file.
 *
 * A state is a list of integers, one a scalar, and the live grants. `step` is a function of state, operation and memory;
 * it returns the verdict and the next state, and never changes its arguments. Rule numbers `S..` refer to docs/semantics.md.
 */
import type { BoolExpr, NumberExpr, Program, Reaction, Register, RuleId, Statement } from './ir.ts';
import {
  ADDRESS_LIMIT,
  ALLOWED,
  BARS_MAX,
  GRANT_COMMANDS,
  GRANTS_MAX,
  type DescriptorMemory,
  type Monitor,
  type MonitorInfo,
  type Space,
  type Verdict,
} from './runtime.ts';
import { monitorInfo } from './monitor-info.ts';

export interface Grant {
  readonly base: bigint;
  readonly length: bigint;
  readonly purposes: number;
}

export interface State {
  readonly scalars: readonly bigint[];
  readonly arrays: readonly (readonly bigint[])[];
  readonly grants: readonly Grant[];
  /** By number; a BAR that is not placed has length 0. */
  readonly bars: readonly { readonly base: bigint; readonly length: bigint }[];
}

export type Operation =
  | {
      readonly kind: 'read';
      readonly space: Space;
      readonly offset: number;
      readonly width: number;
      readonly now: bigint;
    }
  | {
      readonly kind: 'report' | 'write';
      readonly space: Space;
      readonly offset: number;
      readonly width: number;
      readonly value: bigint;
      readonly now: bigint;
    }
  | { readonly kind: 'store'; readonly address: bigint; readonly length: bigint; readonly now: bigint }
  | { readonly kind: 'grant'; readonly address: bigint; readonly length: bigint; readonly purposes: number }
  | { readonly kind: 'place'; readonly bar: number; readonly address: bigint; readonly length: bigint }
  | { readonly kind: 'interrupt' | 'check' | 'tick'; readonly now: bigint };

export interface Outcome {
  readonly verdict: Verdict;
  readonly state: State;
  /** What a write or report that is allowed delivers: the operation's own value, unless it was clamped. */
  readonly value: bigint;
}

/** S1: the state in which a monitor starts, and to which a reset returns it. */
export function initialState(program: Program): State {
  return {
    scalars: program.scalars.map((scalar) => scalar.initial),
    arrays: program.arrays.map((array) => Array.from({ length: array.count }, () => array.initial)),
    grants: [],
    bars: Array.from({ length: BARS_MAX }, () => ({ base: 0n, length: 0n })),
  };
}

/** Thrown inside a transaction to undo it; never leaves this file. */
class Denied {
  readonly rule: RuleId;
  constructor(rule: RuleId) {
    this.rule = rule;
  }
}

/** What a handler sees while it runs. */
interface Frame {
  readonly program: Program;
  readonly scalars: bigint[];
  readonly arrays: bigint[][];
  readonly locals: Map<number, bigint>;
  readonly descriptors: Map<number, { readonly bytes: Uint8Array; readonly place: bigint }>;
  readonly state: State;
  readonly memory: DescriptorMemory;
  readonly arguments: Record<string, bigint>;
  /** The first rule that let the operation pass with a note; 0 if none did. */
  note: RuleId;
}

/** What an allowed operation leaves behind. */
interface Allowed {
  readonly state: State;
  readonly note: RuleId;
  readonly value: bigint;
}

export function step(program: Program, state: State, operation: Operation, memory: DescriptorMemory): Outcome {
  const given = 'value' in operation ? operation.value : 0n;
  try {
    const { state: next, note, value: delivered } = allow(program, state, operation, memory);
    return { verdict: note === 0 ? ALLOWED : -note, state: next, value: delivered };
  } catch (denial) {
    // S2: a denied operation changes nothing.
    if (denial instanceof Denied) return { verdict: denial.rule, state, value: given };
    throw denial;
  }
}

function allow(program: Program, state: State, operation: Operation, memory: DescriptorMemory): Allowed {
  switch (operation.kind) {
    case 'read':
    case 'report':
    case 'write':
      return access(program, state, operation, memory);
    case 'store':
      return react(program, program.store, state, memory, {
        address: operation.address,
        length: operation.length,
        now: operation.now,
      });
    case 'grant':
      return grant(program, state, operation, memory);
    case 'place':
      return place(program, state, operation);
    case 'interrupt':
    case 'check':
    case 'tick':
      return react(program, program[operation.kind], state, memory, { now: operation.now });
  }
}

/** S3: an access is decoded to a register, else to an area, else denied by its region, else by the device. */
function access(
  program: Program,
  state: State,
  operation: Extract<Operation, { kind: 'read' | 'report' | 'write' }>,
  memory: DescriptorMemory,
): Allowed {
  let { space, offset } = operation;
  const { width, kind } = operation;
  let through = 0;
  // S4: a window stands for the place its selector names; windows do not lead to windows.
  const window = program.windows.findIndex(
    (each) => each.space === space && each.offset === offset && each.width === width,
  );
  if (window !== -1) {
    const target = program.windows[window];
    if (target !== undefined) {
      space = target.into;
      offset = Number(state.scalars[target.selector] ?? 0n);
      through = window + 1;
    }
  }

  let overlapped: Register | undefined;
  for (const register of program.registers) {
    if (register.space !== space) continue;
    const into = offset - register.offset;
    const index = Math.floor(into / register.stride);
    if (
      into >= 0 &&
      index < register.count &&
      index * register.stride === into &&
      register.accessWidths.includes(width as 1)
    ) {
      return registerAccess(program, register, index, through, state, operation, memory);
    }
    if (overlapped === undefined && touches(register, offset, width)) overlapped = register;
  }
  for (const area of program.areas) {
    if (area.space !== space || offset < area.offset || offset + width > area.offset + area.sizeBytes) continue;
    if (offset % width !== 0) break;
    if (kind === 'write' ? !area.writable : !area.readable)
      throw new Denied(kind === 'write' ? area.rules.write : area.rules.read);
    const args = { index: 0n, through: BigInt(through), now: operation.now };
    return react(program, nothing, state, memory, 'value' in operation ? { ...args, value: operation.value } : args);
  }
  // S5: an access that touches a register with a width or at an offset it does not take is blamed on that register.
  if (overlapped !== undefined) throw new Denied(overlapped.rules.width);
  for (const region of program.regions) {
    if (region.space === space && offset >= region.base && offset < region.base + region.sizeBytes)
      throw new Denied(region.unlisted);
  }
  throw new Denied(program.builtin.unknownSpace);
}

const nothing: Reaction = { handlers: [], otherwise: undefined };

function touches(register: Register, offset: number, width: number): boolean {
  for (let index = 0; index < register.count; index += 1) {
    const start = register.offset + index * register.stride;
    if (offset < start + register.width && offset + width > start) return true;
  }
  return false;
}

/** S6: access mode, then reserved bits, then the handler of the present states. */
function registerAccess(
  program: Program,
  register: Register,
  index: number,
  through: number,
  state: State,
  operation: Extract<Operation, { kind: 'read' | 'report' | 'write' }>,
  memory: DescriptorMemory,
): Allowed {
  const common = { index: BigInt(index), through: BigInt(through), now: operation.now };
  if (operation.kind === 'read') {
    if (!register.readable) throw new Denied(register.rules.read);
    return react(program, register.read, state, memory, common);
  }
  if (operation.kind === 'report') {
    if (!register.readable) throw new Denied(register.rules.read);
    return react(program, register.report, state, memory, { ...common, value: operation.value });
  }
  if (!register.writable) throw new Denied(register.rules.write);
  if ((operation.value & register.reservedMask) !== 0n) throw new Denied(register.rules.reserved);
  return react(program, register.write, state, memory, { ...common, value: operation.value });
}

/**
 * S7: what always runs, then the one handler whose guard holds, as one transaction; no handler: the reaction's default.
 * The guard sees the state before the operation.
 */
function react(
  program: Program,
  reaction: Reaction,
  state: State,
  memory: DescriptorMemory,
  args: Readonly<Record<string, bigint>>,
): Allowed {
  const frame: Frame = {
    program,
    scalars: [...state.scalars],
    arrays: state.arrays.map((array) => [...array]),
    locals: new Map(),
    descriptors: new Map(),
    state,
    memory,
    arguments: { ...args },
    note: 0,
  };
  const handler = reaction.handlers.find((each) => truth(each.guard, frame));
  run(program.always, frame);
  if (handler === undefined && reaction.otherwise !== undefined) throw new Denied(reaction.otherwise);
  if (handler !== undefined) run(handler.body, frame);
  const { scalars, arrays, note } = frame;
  return { state: { ...state, scalars, arrays }, note, value: frame.arguments['value'] ?? 0n };
}

/** S8: grants are not empty, end below 2^52, overlap neither each other nor a placed BAR, and are at most GRANTS_MAX. */
function grant(
  program: Program,
  state: State,
  operation: Extract<Operation, { kind: 'grant' }>,
  memory: DescriptorMemory,
): Allowed {
  const { address, length, purposes } = operation;
  const limit = BigInt(ADDRESS_LIMIT);
  if (length === 0n || address >= limit || length > limit - address) throw new Denied(program.builtin.badGrant);
  if ([...state.grants, ...state.bars].some((other) => overlaps(other, address, length)))
    throw new Denied(program.builtin.badGrant);
  if (state.grants.length >= GRANTS_MAX) throw new Denied(program.builtin.tooManyGrants);
  const granted = { ...state, grants: [...state.grants, { base: address, length, purposes }] };
  const { state: next, note } = react({ ...program, always: [] }, program.grant, granted, memory, {
    address,
    length,
    purposes: BigInt(purposes),
  });
  return { state: next, note, value: 0n };
}

/** S13: a BAR is placed below 2^52 and not over a grant; length 0 takes it away. Told by the platform, never by the driver. */
function place(
  program: Program,
  state: State,
  { bar, address, length }: Extract<Operation, { kind: 'place' }>,
): Allowed {
  const limit = BigInt(ADDRESS_LIMIT);
  const beyond = bar < 0 || bar >= BARS_MAX || address >= limit || length > limit - address;
  if (beyond || (length > 0n && state.grants.some((other) => overlaps(other, address, length))))
    throw new Denied(program.builtin.badBar);
  const bars = state.bars.map((each, index) => (index !== bar ? each : { base: length === 0n ? 0n : address, length }));
  return { state: { ...state, bars }, note: 0, value: 0n };
}

function overlaps(range: { readonly base: bigint; readonly length: bigint }, base: bigint, length: bigint): boolean {
  return base < range.base + range.length && range.base < base + length;
}

function run(statements: readonly Statement[], frame: Frame): void {
  for (const statement of statements) execute(statement, frame);
}

function execute(statement: Statement, frame: Frame): void {
  switch (statement.op) {
    case 'require':
      if (!truth(statement.condition, frame)) throw new Denied(statement.rule);
      return;
    case 'set':
      frame.scalars[statement.scalar] = value(statement.value, frame);
      return;
    case 'let':
      frame.locals.set(statement.local, value(statement.value, frame));
      return;
    case 'if':
      run(truth(statement.condition, frame) ? statement.consequent : statement.alternative, frame);
      return;
    case 'note':
      if (!truth(statement.condition, frame) && frame.note === 0) frame.note = statement.rule;
      return;
    case 'clamp':
      if (truth(statement.condition, frame)) return;
      frame.arguments['value'] = value(statement.value, frame);
      if (frame.note === 0) frame.note = statement.rule;
      return;
    case 'setElement': {
      const array = frame.arrays[statement.array];
      const index = value(statement.index, frame);
      const element = value(statement.value, frame);
      if (array !== undefined && index < BigInt(array.length)) array[Number(index)] = element;
      return;
    }
    case 'fill':
      frame.arrays[statement.array]?.fill(value(statement.value, frame));
      return;
    case 'walk':
      return walk(statement, frame);
    case 'table':
      return table(statement, frame);
    case 'list':
      return list(statement, frame);
  }
}

/** A private copy of `size` bytes of command memory, as the descriptor of `walk`. */
function copy(
  statement: Extract<Statement, { op: 'walk' | 'table' | 'list' }>,
  place: bigint,
  frame: Frame,
): Uint8Array {
  const bytes = new Uint8Array(statement.size);
  const readable = inside(frame.state.grants, GRANT_COMMANDS, place, BigInt(statement.size));
  if (!readable || !frame.memory.fetch(Number(place), statement.size, bytes, 0)) throw new Denied(statement.memory);
  return bytes;
}

/** S9: the walk over a ring, on private copies. */
function walk(statement: Extract<Statement, { op: 'walk' }>, frame: Frame): void {
  const base = value(statement.base, frame);
  const count = value(statement.count, frame);
  const from = value(statement.from, frame);
  const to = value(statement.to, frame);
  const size = BigInt(statement.size);
  if (from >= count || to >= count || count > BigInt(statement.bound)) throw new Denied(statement.range);
  if (!inside(frame.state.grants, GRANT_COMMANDS, base, count * size)) throw new Denied(statement.memory);
  const turns = to >= from ? to - from : to + count - from;
  // All of them are copied before any is judged: what is checked is one picture of the ring.
  const copies: { bytes: Uint8Array; place: bigint }[] = [];
  for (let turn = 0n; turn < turns; turn += 1n) {
    const place = base + ((from + turn) % count) * size;
    copies.push({ bytes: copy(statement, place, frame), place });
  }
  for (const descriptor of copies) {
    frame.descriptors.set(statement.walk, descriptor);
    run(statement.body, frame);
  }
}

/** S14: a table of structures, of known length or up to the one that ends it. */
function table(statement: Extract<Statement, { op: 'table' }>, frame: Frame): void {
  const base = value(statement.base, frame);
  const count = value(statement.count, frame);
  if (count > BigInt(statement.bound)) throw new Denied(statement.range);
  for (let index = 0n; index < count; index += 1n) {
    const place = base + index * BigInt(statement.size);
    frame.descriptors.set(statement.walk, { bytes: copy(statement, place, frame), place });
    run(statement.body, frame);
    if (statement.until !== undefined && truth(statement.until, frame)) return;
  }
  if (statement.until !== undefined) throw new Denied(statement.range);
}

/** S15: a linked list, followed at most `bound` members far. */
function list(statement: Extract<Statement, { op: 'list' }>, frame: Frame): void {
  let place = value(statement.first, frame);
  for (let member = 0; member < statement.bound; member += 1) {
    frame.descriptors.set(statement.walk, { bytes: copy(statement, place, frame), place });
    run(statement.body, frame);
    if (!truth(statement.more, frame)) return;
    place = value(statement.next, frame);
  }
  throw new Denied(statement.range);
}

/** S10: grant predicates, in unbounded arithmetic. */
export function inside(grants: readonly Grant[], purposes: number, base: bigint, length: bigint): boolean {
  if (length === 0n) return true;
  return grants.some(
    (each) => (each.purposes & purposes) === purposes && each.base <= base && base + length <= each.base + each.length,
  );
}

function truth(expression: BoolExpr, frame: Frame): boolean {
  switch (expression.op) {
    case 'bool':
      return expression.value;
    case 'eq':
      return value(expression.left, frame) === value(expression.right, frame);
    case 'ne':
      return value(expression.left, frame) !== value(expression.right, frame);
    case 'lt':
      return value(expression.left, frame) < value(expression.right, frame);
    case 'le':
      return value(expression.left, frame) <= value(expression.right, frame);
    case 'not':
      return !truth(expression.of, frame);
    case 'all':
      return expression.of.every((each) => truth(each, frame));
    case 'any':
      return expression.of.some((each) => truth(each, frame));
    case 'inside':
      return inside(
        frame.state.grants,
        expression.purposes,
        value(expression.base, frame),
        value(expression.length, frame),
      );
    case 'outsideBars': {
      const base = value(expression.base, frame);
      const length = value(expression.length, frame);
      return length === 0n || !frame.state.bars.some((bar) => bar.length > 0n && overlaps(bar, base, length));
    }
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** S11: exact arithmetic on unsigned integers. */
function value(expression: NumberExpr, frame: Frame): bigint {
  switch (expression.op) {
    case 'const':
      return expression.value;
    case 'scalar':
      return frame.scalars[expression.scalar] ?? 0n;
    case 'local':
      return frame.locals.get(expression.local) ?? 0n;
    case 'argument':
      return frame.arguments[expression.argument] ?? 0n;
    case 'element':
      return frame.arrays[expression.array]?.[index(expression.index, frame)] ?? 0n;
    case 'lookup':
      return frame.program.tables[expression.table]?.entries[index(expression.index, frame)] ?? 0n;
    case 'place':
      return frame.descriptors.get(expression.walk)?.place ?? 0n;
    case 'descriptor':
      return littleEndian(frame.descriptors.get(expression.walk)?.bytes, expression.offset, expression.bytes);
    case 'extract':
      return BigInt.asUintN(expression.bits, value(expression.of, frame) >> BigInt(expression.low));
    case 'shiftLeft':
      return value(expression.of, frame) << BigInt(expression.by);
    case 'shiftRight':
      return value(expression.of, frame) >> BigInt(expression.by);
    case 'choice':
      return truth(expression.condition, frame) ? value(expression.left, frame) : value(expression.right, frame);
    default:
      return combine(expression, value(expression.left, frame), value(expression.right, frame));
  }
}

/** An index as a number; what is too large for one is beyond every array. */
function index(expression: NumberExpr, frame: Frame): number {
  return Number(least(value(expression, frame), BigInt(Number.MAX_SAFE_INTEGER)));
}

type Combination = Exclude<Extract<NumberExpr, { left: NumberExpr; right: NumberExpr }>, { op: 'choice' }>;

/** What an operator makes of two values; an emitter that computes when compiling must agree, so it calls this. */
export function combine(expression: Combination, left: bigint, right: bigint): bigint {
  switch (expression.op) {
    case 'add':
      return left + right;
    case 'sub':
      return left - right;
    case 'mul':
      return left * right;
    case 'div':
      return left / right;
    case 'mod':
      return left % right;
    case 'and':
      return left & right;
    case 'or':
      return left | right;
    case 'xor':
      return left ^ right;
    case 'addWrap':
      return BigInt.asUintN(expression.bits, left + right);
    case 'subWrap':
      return BigInt.asUintN(expression.bits, left - right);
    case 'mulWrap':
      return BigInt.asUintN(expression.bits, left * right);
    case 'addSat':
      return least(left + right, (1n << BigInt(expression.bits)) - 1n);
    case 'subSat':
      return greatest(left - right, 0n);
    case 'min':
      return least(left, right);
    case 'max':
      return greatest(left, right);
  }
}

function littleEndian(bytes: Uint8Array | undefined, offset: number, length: number): bigint {
  let result = 0n;
  for (let index = length - 1; index >= 0; index -= 1) result = (result << 8n) | BigInt(bytes?.[offset + index] ?? 0);
  return result;
}

/** S12: does the state satisfy every invariant? Returns the first that fails. */
export function violatedInvariant(program: Program, state: State): string | undefined {
  const frame: Frame = {
    program,
    scalars: [...state.scalars],
    arrays: state.arrays.map((array) => [...array]),
    locals: new Map(),
    descriptors: new Map(),
    state,
    memory: { fetch: () => false },
    arguments: {},
    note: 0,
  };
  return program.invariants.find((invariant) => !truth(invariant.condition, frame))?.text;
}

/** The interpreter behind the interface of an emitted monitor. */
export class InterpretedMonitor implements Monitor {
  readonly info: MonitorInfo;
  readonly #program: Program;
  readonly #memory: DescriptorMemory;
  #state: State;
  #value = 0n;

  constructor(program: Program, memory: DescriptorMemory) {
    this.info = monitorInfo(program);
    this.#program = program;
    this.#memory = memory;
    this.#state = initialState(program);
  }

  get state(): State {
    return this.#state;
  }

  #step(operation: Operation): Verdict {
    const outcome = step(this.#program, this.#state, operation, this.#memory);
    this.#state = outcome.state;
    this.#value = outcome.value;
    return outcome.verdict;
  }

  read(space: Space, offset: number, width: number, nowUs: number): Verdict {
    return this.#step({ kind: 'read', space, offset, width, now: BigInt(nowUs) });
  }

  report(space: Space, offset: number, width: number, lo: number, hi: number, nowUs: number): Verdict {
    return this.#step({ kind: 'report', space, offset, width, value: wide(lo, hi), now: BigInt(nowUs) });
  }

  write(space: Space, offset: number, width: number, lo: number, hi: number, nowUs: number): Verdict {
    return this.#step({ kind: 'write', space, offset, width, value: wide(lo, hi), now: BigInt(nowUs) });
  }

  store(address: number, length: number, nowUs: number): Verdict {
    return this.#step({ kind: 'store', address: BigInt(address), length: BigInt(length), now: BigInt(nowUs) });
  }

  grant(address: number, length: number, purposes: number): Verdict {
    return this.#step({ kind: 'grant', address: BigInt(address), length: BigInt(length), purposes });
  }

  interrupt(nowUs: number): Verdict {
    return this.#step({ kind: 'interrupt', now: BigInt(nowUs) });
  }

  check(nowUs: number): Verdict {
    return this.#step({ kind: 'check', now: BigInt(nowUs) });
  }

  place(bar: number, address: number, length: number): Verdict {
    return this.#step({ kind: 'place', bar, address: BigInt(address), length: BigInt(length) });
  }

  tick(nowUs: number): Verdict {
    return this.#step({ kind: 'tick', now: BigInt(nowUs) });
  }

  valueLo(): number {
    return Number(BigInt.asUintN(32, this.#value));
  }

  valueHi(): number {
    return Number(this.#value >> 32n);
  }

  reset(): void {
    this.#state = { ...initialState(this.#program), bars: this.#state.bars };
  }

  states(): number[] {
    const { scalars, arrays } = this.#state;
    return this.#program.machines.map(({ scalar, array }) =>
      Number((array === undefined ? scalars[scalar] : arrays[array.id]?.[array.element]) ?? 0n),
    );
  }

  snapshot(): bigint[] {
    return [...this.#state.scalars, ...this.#state.arrays.flat()];
  }
}

function wide(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
