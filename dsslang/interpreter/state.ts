/**
 * What the interpreter works on: states, operations, and the frame of the transaction that is running.
 */
import type { Program, RuleId } from '../ir.ts';
import type { DescriptorMemory, Space } from '../runtime.ts';

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
  | {
      readonly kind: 'store';
      readonly address: bigint;
      readonly length: bigint;
      /** Which pools' rules may apply. */
      readonly pools: number;
      readonly now: bigint;
    }
  | { readonly kind: 'grant'; readonly address: bigint; readonly length: bigint; readonly purposes: number }
  | { readonly kind: 'place'; readonly bar: number; readonly address: bigint; readonly length: bigint }
  | { readonly kind: 'interrupt' | 'check' | 'tick'; readonly now: bigint };

/** Thrown inside a transaction to undo it; never leaves `step`. */
export class Denied {
  readonly rule: RuleId;
  constructor(rule: RuleId) {
    this.rule = rule;
  }
}

/** What a handler sees while it runs. */
export interface Frame {
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
