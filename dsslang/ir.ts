/**
 * The core calculus: what a specification means, small and total.
 *
 * Finite state: scalars of 1 to 64 bits and bounded arrays of them. Exact unsigned arithmetic: every number expression
 * carries the largest value it can have, below 2^64; there is no hidden wrap. Loops run over descriptors in memory and are
 * bounded at compile time. `inside` (grant predicates) is one primitive, so that proofs may keep it uninterpreted. Default
 * deny is explicit: every refusal names its rule. Nothing is implicit: register modes, widths, reserved bits, windows, the
 * interrupt automaton, clocks, ownership of descriptors are all spelled out in tables or lowered to handlers.
 *
 * `interpreter.ts` gives the meaning; every emitter must agree with it. Imports nothing but types.
 */
import type { BarInfo, DeviceStep, InterruptPlan, PoolInfo, ProgressRegister, Rule, Space, Width } from './runtime.ts';

/** Index into `Program.scalars`. */
export type ScalarId = number;
/** Index into `Program.arrays`. */
export type ArrayId = number;
/** Index into `Program.tables`. */
export type TableId = number;
/** A name bound inside one handler; dense from 0. */
export type LocalId = number;
/** Index into `Program.rules`; 0 is never used. */
export type RuleId = number;

/**
 * What came with the operation. `value` is what is written or was read (a clamp changes it); `index` the element of a
 * register array; `through` the window used, from 1, or 0; `purposes` those of a grant; for a store,
 * the pools whose rules may apply.
 */
export type Argument = 'value' | 'index' | 'now' | 'address' | 'length' | 'through' | 'purposes';

/** `max` is the largest value the expression can have. All numbers are unsigned. */
export type NumberExpr =
  | { readonly op: 'const'; readonly value: bigint; readonly max: bigint }
  | { readonly op: 'scalar'; readonly scalar: ScalarId; readonly max: bigint }
  /** An element of an array of the state; 0 beyond its end. */
  | { readonly op: 'element'; readonly array: ArrayId; readonly index: NumberExpr; readonly max: bigint }
  /** An entry of a constant table; 0 beyond its end. */
  | { readonly op: 'lookup'; readonly table: TableId; readonly index: NumberExpr; readonly max: bigint }
  | { readonly op: 'local'; readonly local: LocalId; readonly max: bigint }
  /** Where the walk's current descriptor lies in memory; below 2^52. */
  | { readonly op: 'place'; readonly walk: LocalId; readonly max: bigint }
  | { readonly op: 'argument'; readonly argument: Argument; readonly max: bigint }
  /** A little-endian field of the walk's current descriptor, read from the monitor's private copy. */
  | {
      readonly op: 'descriptor';
      readonly walk: LocalId;
      readonly offset: number;
      readonly bytes: 1 | 2 | 4 | 8;
      readonly max: bigint;
    }
  /** Bits `low` .. `low + bits - 1`. */
  | {
      readonly op: 'extract';
      readonly of: NumberExpr;
      readonly low: number;
      readonly bits: number;
      readonly max: bigint;
    }
  /** Exact; the checker has shown that `sub` cannot fall below zero and nothing exceeds 64 bits. `div`, `mod`: divisor not 0. */
  | {
      readonly op: 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor';
      readonly left: NumberExpr;
      readonly right: NumberExpr;
      readonly max: bigint;
    }
  /** Modulo 2^bits; both operands are below 2^bits. */
  | {
      readonly op: 'addWrap' | 'subWrap' | 'mulWrap';
      readonly left: NumberExpr;
      readonly right: NumberExpr;
      readonly bits: number;
      readonly max: bigint;
    }
  /** `addSat` stops at 2^bits - 1, `subSat` at 0. */
  | {
      readonly op: 'addSat';
      readonly left: NumberExpr;
      readonly right: NumberExpr;
      readonly bits: number;
      readonly max: bigint;
    }
  | { readonly op: 'subSat'; readonly left: NumberExpr; readonly right: NumberExpr; readonly max: bigint }
  | { readonly op: 'min' | 'max'; readonly left: NumberExpr; readonly right: NumberExpr; readonly max: bigint }
  | { readonly op: 'shiftLeft' | 'shiftRight'; readonly of: NumberExpr; readonly by: number; readonly max: bigint }
  | {
      readonly op: 'choice';
      readonly condition: BoolExpr;
      readonly left: NumberExpr;
      readonly right: NumberExpr;
      readonly max: bigint;
    };

export type BoolExpr =
  | { readonly op: 'bool'; readonly value: boolean }
  | { readonly op: 'eq' | 'ne' | 'lt' | 'le'; readonly left: NumberExpr; readonly right: NumberExpr }
  | { readonly op: 'not'; readonly of: BoolExpr }
  | { readonly op: 'all' | 'any'; readonly of: readonly BoolExpr[] }
  /** Every byte of [base, base+length) lies in one live grant that has all of `purposes`. True for length 0. Never wraps. */
  | { readonly op: 'inside'; readonly purposes: number; readonly base: NumberExpr; readonly length: NumberExpr }
  /** No byte of [base, base+length) lies in a BAR that the platform has placed. True for length 0. Never wraps. */
  | { readonly op: 'outsideBars'; readonly base: NumberExpr; readonly length: NumberExpr };

/** Statements run in order inside a transaction: they see its own assignments; a denial undoes them all. */
export type Statement =
  | { readonly op: 'require'; readonly condition: BoolExpr; readonly rule: RuleId }
  /** Goes on either way; if the condition fails, the operation is allowed with a note of the first such rule. */
  | { readonly op: 'note'; readonly condition: BoolExpr; readonly rule: RuleId }
  /** If the condition fails, the operation's value becomes `value` from here on, with a note. Only where there is a value. */
  | { readonly op: 'clamp'; readonly condition: BoolExpr; readonly rule: RuleId; readonly value: NumberExpr }
  | { readonly op: 'set'; readonly scalar: ScalarId; readonly value: NumberExpr }
  /** Ignored beyond the array's end. */
  | { readonly op: 'setElement'; readonly array: ArrayId; readonly index: NumberExpr; readonly value: NumberExpr }
  /** Every element becomes `value`. */
  | { readonly op: 'fill'; readonly array: ArrayId; readonly value: NumberExpr }
  | { readonly op: 'let'; readonly local: LocalId; readonly value: NumberExpr }
  | {
      readonly op: 'if';
      readonly condition: BoolExpr;
      readonly consequent: readonly Statement[];
      readonly alternative: readonly Statement[];
    }
  /**
   * For each descriptor of the ring from index `from` up to but not including `to`, modulo `count`.
   * Denied by `range` unless `from` and `to` are below `count`, and by `memory` unless the whole ring lies inside one
   * grant for commands and its descriptors can be copied. At most `bound` - 1 turns.
   */
  | {
      readonly op: 'walk';
      readonly walk: LocalId;
      readonly base: NumberExpr;
      readonly count: NumberExpr;
      readonly size: number;
      readonly from: NumberExpr;
      readonly to: NumberExpr;
      readonly bound: number;
      readonly range: RuleId;
      readonly memory: RuleId;
      readonly body: readonly Statement[];
    }
  /**
   * For each of `count` structures of `size` bytes from `base` on; with `until`, the walk ends after the first structure
   * for which it holds, and is denied by `range` if none of them is. Each is copied, then judged, one after the other:
   * denied by `memory` unless it lies inside a grant for commands and can be copied. Denied by `range` if count > bound.
   * `stored`: what is copied is memory as the store that is being judged will leave it. `frozen`: a `frozen` range begins at the
   * same base, so what a driver was allowed to store there stays until its next access to the device.
   */
  | {
      readonly op: 'table';
      readonly walk: LocalId;
      readonly stored: boolean;
      readonly frozen: boolean;
      readonly base: NumberExpr;
      readonly count: NumberExpr;
      readonly size: number;
      readonly bound: number;
      readonly until: BoolExpr | undefined;
      readonly range: RuleId;
      readonly memory: RuleId;
      readonly body: readonly Statement[];
    }
  /**
   * Follows a linked list from `first`: copy, judge, then `next` while `more` (both read the copy). Denied by `range` when
   * the list has more than `bound` members, so a cycle is always denied; by `memory` as in `table`.
   */
  | {
      readonly op: 'list';
      readonly walk: LocalId;
      readonly first: NumberExpr;
      readonly size: number;
      readonly bound: number;
      readonly more: BoolExpr;
      readonly next: NumberExpr;
      readonly range: RuleId;
      readonly memory: RuleId;
      readonly body: readonly Statement[];
    };

/** A bounded array of the state, all of whose elements start as `initial`. */
export interface StateArray {
  readonly name: string;
  readonly count: number;
  readonly bits: number;
  readonly max: bigint;
  readonly initial: bigint;
  readonly kind: 'variable' | 'machine' | 'internal';
}

/** Constants by index, as a command table of a FIFO. */
export interface ConstantTable {
  readonly name: string;
  readonly entries: readonly bigint[];
}

export interface Scalar {
  readonly name: string;
  readonly bits: number;
  readonly max: bigint;
  readonly initial: bigint;
  /** `machine`: the value indexes its states. `internal`: made by the compiler (interrupts, last values). */
  readonly kind: 'variable' | 'machine' | 'internal';
}

/** One machine; or, in an array of engines, one of the machines of an engine. */
export interface Machine {
  readonly name: string;
  readonly states: readonly string[];
  /** Where its state is kept: a scalar, or element `element` of an array. */
  readonly scalar: ScalarId;
  readonly array?: { readonly id: ArrayId; readonly element: number } | undefined;
}

export interface Handler {
  /** When it applies; at most one handler of an operation does. */
  readonly guard: BoolExpr;
  readonly body: readonly Statement[];
}

/** What happens on one kind of operation. No handler at all: allowed, unless `otherwise` says no. */
export interface Reaction {
  readonly handlers: readonly Handler[];
  /** The rule that denies when no handler applies; undefined allows. */
  readonly otherwise: RuleId | undefined;
}

export interface Field {
  readonly name: string;
  readonly low: number;
  readonly bits: number;
}

export interface Register {
  readonly name: string;
  readonly space: Space;
  readonly offset: number;
  readonly count: number;
  readonly stride: number;
  readonly width: Width;
  readonly access: 'ro' | 'wo' | 'rw' | 'w1c' | 'rc' | 'platform';
  /** Accepted access widths in bytes; a register with handlers takes only its own width. */
  readonly accessWidths: readonly Width[];
  readonly fields: readonly Field[];
  /** Bits that must be written as zero. */
  readonly reservedMask: bigint;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly write: Reaction;
  readonly read: Reaction;
  readonly report: Reaction;
  readonly rules: { readonly width: RuleId; readonly read: RuleId; readonly write: RuleId; readonly reserved: RuleId };
}

/** Bytes of no interest: any aligned access of 1, 2, 4 or 8 bytes inside it is allowed. Registers are looked up first. */
export interface Area {
  readonly name: string;
  readonly space: Space;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly rules: { readonly read: RuleId; readonly write: RuleId };
}

/** An access here is an access to `into` at the offset last written to the selector. */
export interface Window {
  readonly name: string;
  readonly space: Space;
  readonly offset: number;
  readonly width: Width;
  readonly into: Space;
  readonly selector: ScalarId;
}

export interface Region {
  readonly name: string;
  readonly space: Space;
  /** First offset (0, or the first port of fixed ports). */
  readonly base: number;
  readonly sizeBytes: number;
  /** Denies what no register, area or window of the region covers. */
  readonly unlisted: RuleId;
}

export interface Invariant {
  readonly text: string;
  readonly condition: BoolExpr;
  readonly line: number;
}

export interface Program {
  readonly device: string;
  readonly documentation: string;
  readonly specificationHash: string;
  readonly pci: readonly { readonly vendor: number; readonly device: number }[];
  readonly bars: readonly BarInfo[];
  readonly regions: readonly Region[];
  readonly scalars: readonly Scalar[];
  readonly arrays: readonly StateArray[];
  readonly tables: readonly ConstantTable[];
  readonly machines: readonly Machine[];
  readonly registers: readonly Register[];
  readonly areas: readonly Area[];
  readonly windows: readonly Window[];
  /** rules[0] is a placeholder. */
  readonly rules: readonly Rule[];
  /** Runs before the reaction to every operation but grants and places, in the same transaction: deadlines. */
  readonly always: readonly Statement[];
  readonly store: Reaction;
  /** After the language's own conditions on a grant. */
  readonly grant: Reaction;
  readonly interrupt: Reaction;
  readonly check: Reaction;
  /** Time passes without an operation. */
  readonly tick: Reaction;
  /** The rules for what the language itself forbids. */
  readonly builtin: {
    readonly unknownSpace: RuleId;
    readonly badGrant: RuleId;
    readonly tooManyGrants: RuleId;
    readonly badBar: RuleId;
  };
  readonly interruptPlan: InterruptPlan | undefined;
  readonly progress: readonly ProgressRegister[];
  readonly reset: readonly DeviceStep[];
  readonly invariants: readonly Invariant[];
  readonly pools: readonly PoolInfo[];
}

/** The states of the interrupt automaton, after the original's (NULL, CARD_NOT_CHECKED, NOT_MINE, MINE_NOT_ACKED, MINE_ACKED). */
export const INTERRUPT_STATES = ['None', 'CardNotChecked', 'NotMine', 'MineNotAcked', 'MineAcked'] as const;
