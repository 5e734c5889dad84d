/**
 * The meaning of the core calculus: short, slow, and right by reading. Emitted code is correct if it agrees with this file
 * and with `interpreter/`, which has statements and expressions.
 *
 * A state is a list of integers, one a scalar, and the live grants. `step` is a function of state, operation and memory;
 * it returns the verdict and the next state, and never changes its arguments. Rule numbers `S..` refer to docs/semantics.md.
 */
import { overlaps, truth } from './interpreter/expressions.ts';
import { Denied, type Frame, type Operation, type State } from './interpreter/state.ts';
import { run } from './interpreter/statements.ts';
import type { Program, Reaction, Register, RuleId } from './ir.ts';
import { ADDRESS_LIMIT, ALLOWED, BARS_MAX, GRANTS_MAX, type DescriptorMemory, type Verdict } from './runtime.ts';

/** S1: the state in which a monitor starts, and to which a reset returns it. */
export function initialState(program: Program): State {
  return {
    scalars: program.scalars.map((scalar) => scalar.initial),
    arrays: program.arrays.map((array) => Array.from({ length: array.count }, () => array.initial)),
    grants: [],
    bars: Array.from({ length: BARS_MAX }, () => ({ base: 0n, length: 0n })),
  };
}

export interface Outcome {
  readonly verdict: Verdict;
  readonly state: State;
  /** What a write or report that is allowed delivers: the operation's own value, unless it was clamped. */
  readonly value: bigint;
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
        purposes: BigInt(operation.pools),
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
      throw new Denied(overlapped?.rules.width ?? (kind === 'write' ? area.rules.write : area.rules.read));
    const args = { index: 0n, through: BigInt(through), now: operation.now };
    return react(program, nothing, state, memory, 'value' in operation ? { ...args, value: operation.value } : args);
  }
  // S5: an access that touches a register with a width or at an offset it does not take is blamed on that register, and
  // not on what surrounds it.
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
export function grant(
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
export function place(
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
