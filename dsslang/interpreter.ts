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
  readonly grants: readonly Grant[];
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
  | { readonly kind: 'interrupt' | 'check'; readonly now: bigint };

export interface Outcome {
  readonly verdict: Verdict;
  readonly state: State;
}

/** S1: the state in which a monitor starts, and to which a reset returns it. */
export function initialState(program: Program): State {
  return { scalars: program.scalars.map((scalar) => scalar.initial), grants: [] };
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
  readonly scalars: bigint[];
  readonly locals: Map<number, bigint>;
  readonly descriptors: Map<number, Uint8Array>;
  readonly grants: readonly Grant[];
  readonly memory: DescriptorMemory;
  readonly arguments: Readonly<Record<string, bigint>>;
}

export function step(program: Program, state: State, operation: Operation, memory: DescriptorMemory): Outcome {
  try {
    return { verdict: ALLOWED, state: allow(program, state, operation, memory) };
  } catch (denial) {
    // S2: a denied operation changes nothing.
    if (denial instanceof Denied) return { verdict: denial.rule, state };
    throw denial;
  }
}

function allow(program: Program, state: State, operation: Operation, memory: DescriptorMemory): State {
  switch (operation.kind) {
    case 'read':
    case 'report':
    case 'write':
      return access(program, state, operation, memory);
    case 'store':
      return react(program.store, state, memory, {
        address: operation.address,
        length: operation.length,
        now: operation.now,
      });
    case 'grant':
      return grant(program, state, operation);
    case 'interrupt':
      return react(program.interrupt, state, memory, { now: operation.now });
    case 'check':
      return react(program.check, state, memory, { now: operation.now });
  }
}

/** S3: an access is decoded to a register, else to an area, else denied by its region, else by the device. */
function access(
  program: Program,
  state: State,
  operation: Extract<Operation, { kind: 'read' | 'report' | 'write' }>,
  memory: DescriptorMemory,
): State {
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
      return registerAccess(register, index, through, state, operation, memory);
    }
    if (overlapped === undefined && touches(register, offset, width)) overlapped = register;
  }
  for (const area of program.areas) {
    if (area.space !== space || offset < area.offset || offset + width > area.offset + area.sizeBytes) continue;
    if (offset % width !== 0) break;
    if (kind === 'write' ? !area.writable : !area.readable)
      throw new Denied(kind === 'write' ? area.rules.write : area.rules.read);
    return state;
  }
  // S5: an access that touches a register with a width or at an offset it does not take is blamed on that register.
  if (overlapped !== undefined) throw new Denied(overlapped.rules.width);
  for (const region of program.regions) {
    if (region.space === space && offset >= region.base && offset < region.base + region.sizeBytes)
      throw new Denied(region.unlisted);
  }
  throw new Denied(program.builtin.unknownSpace);
}

function touches(register: Register, offset: number, width: number): boolean {
  for (let index = 0; index < register.count; index += 1) {
    const start = register.offset + index * register.stride;
    if (offset < start + register.width && offset + width > start) return true;
  }
  return false;
}

/** S6: access mode, then reserved bits, then the handler of the present states. */
function registerAccess(
  register: Register,
  index: number,
  through: number,
  state: State,
  operation: Extract<Operation, { kind: 'read' | 'report' | 'write' }>,
  memory: DescriptorMemory,
): State {
  const common = { index: BigInt(index), through: BigInt(through), now: operation.now };
  if (operation.kind === 'read') {
    if (!register.readable) throw new Denied(register.rules.read);
    return react(register.read, state, memory, common);
  }
  if (operation.kind === 'report') {
    if (!register.readable) throw new Denied(register.rules.read);
    return react(register.report, state, memory, { ...common, value: operation.value });
  }
  if (!register.writable) throw new Denied(register.rules.write);
  if ((operation.value & register.reservedMask) !== 0n) throw new Denied(register.rules.reserved);
  return react(register.write, state, memory, { ...common, value: operation.value });
}

/** S7: the one handler whose guard holds runs as a transaction; none: the reaction's default. */
function react(
  reaction: Reaction,
  state: State,
  memory: DescriptorMemory,
  args: Readonly<Record<string, bigint>>,
): State {
  const frame: Frame = {
    scalars: [...state.scalars],
    locals: new Map(),
    descriptors: new Map(),
    grants: state.grants,
    memory,
    arguments: args,
  };
  for (const handler of reaction.handlers) {
    if (!truth(handler.guard, frame)) continue;
    run(handler.body, frame);
    return { scalars: frame.scalars, grants: state.grants };
  }
  if (reaction.otherwise !== undefined) throw new Denied(reaction.otherwise);
  return state;
}

/** S8: grants are not empty, end below 2^52, do not overlap, and are at most GRANTS_MAX. */
function grant(program: Program, state: State, operation: Extract<Operation, { kind: 'grant' }>): State {
  const { address, length, purposes } = operation;
  const limit = BigInt(ADDRESS_LIMIT);
  if (length === 0n || address >= limit || length > limit - address) throw new Denied(program.builtin.badGrant);
  if (state.grants.some((other) => address < other.base + other.length && other.base < address + length)) {
    throw new Denied(program.builtin.badGrant);
  }
  if (state.grants.length >= GRANTS_MAX) throw new Denied(program.builtin.tooManyGrants);
  return { scalars: state.scalars, grants: [...state.grants, { base: address, length, purposes }] };
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
    case 'walk':
      walk(statement, frame);
  }
}

/** S9: the walk over a ring, on private copies. */
function walk(statement: Extract<Statement, { op: 'walk' }>, frame: Frame): void {
  const base = value(statement.base, frame);
  const count = value(statement.count, frame);
  const from = value(statement.from, frame);
  const to = value(statement.to, frame);
  const size = BigInt(statement.size);
  if (from >= count || to >= count || count > BigInt(statement.bound)) throw new Denied(statement.range);
  if (!inside(frame.grants, GRANT_COMMANDS, base, count * size)) throw new Denied(statement.memory);
  const turns = to >= from ? to - from : to + count - from;
  // All of them are copied before any is judged: what is checked is one picture of the ring.
  const copies: Uint8Array[] = [];
  for (let turn = 0n; turn < turns; turn += 1n) {
    const copy = new Uint8Array(statement.size);
    const address = base + ((from + turn) % count) * size;
    if (!frame.memory.fetch(Number(address), statement.size, copy, 0)) throw new Denied(statement.memory);
    copies.push(copy);
  }
  for (const copy of copies) {
    frame.descriptors.set(statement.walk, copy);
    run(statement.body, frame);
  }
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
      return inside(frame.grants, expression.purposes, value(expression.base, frame), value(expression.length, frame));
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
    case 'descriptor':
      return littleEndian(frame.descriptors.get(expression.walk), expression.offset, expression.bytes);
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

type Combination = Extract<NumberExpr, { left: NumberExpr; right: NumberExpr }>;

function combine(expression: Exclude<Combination, { op: 'choice' }>, left: bigint, right: bigint): bigint {
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
    scalars: [...state.scalars],
    locals: new Map(),
    descriptors: new Map(),
    grants: state.grants,
    memory: { fetch: () => false },
    arguments: {},
  };
  return program.invariants.find((invariant) => !truth(invariant.condition, frame))?.text;
}

/** The interpreter behind the interface of an emitted monitor. */
export class InterpretedMonitor implements Monitor {
  readonly info: MonitorInfo;
  readonly #program: Program;
  readonly #memory: DescriptorMemory;
  #state: State;

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

  reset(): void {
    this.#state = initialState(this.#program);
  }

  states(): number[] {
    return this.#program.machines.map((machine) => Number(this.#state.scalars[machine.scalar] ?? 0n));
  }

  snapshot(): bigint[] {
    return [...this.#state.scalars];
  }
}

function wide(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
