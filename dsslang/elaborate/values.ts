/**
 * What an expression comes to: a number with its range, or a condition; and what a handler binds by name.
 *
 * A `Value` of undefined means "already reported": one mistake, one message.
 */
import type { BoolExpr, Field, LocalId, NumberExpr } from '../ir.ts';
import type { Span } from '../source.ts';
import type { Context } from './context.ts';
import type { Cell, SymbolOf } from './symbols.ts';
import type { Facts, Range } from './facts.ts';

export interface NumberValue {
  readonly type: 'number';
  readonly expr: NumberExpr;
  readonly min: bigint;
  readonly max: bigint;
  /** Declared width: where wrapping and saturating operators end. */
  readonly bits: number;
  /** Named bits, if it came from a register or a descriptor. */
  readonly fields?: readonly Field[] | undefined;
  readonly what?: string;
}

export interface BoolValue {
  readonly type: 'bool';
  readonly expr: BoolExpr;
}

export type Value = NumberValue | BoolValue | undefined;

/** What a handler binds by name. */
export type Binding =
  | { readonly kind: 'value'; readonly value: NumberValue | BoolValue; readonly span: Span }
  /** A number that statements change: kept in a cell while it lives. */
  | {
      readonly kind: 'mutable';
      readonly cell: Cell;
      readonly bits: number;
      readonly max: bigint;
      readonly span: Span;
    }
  | { readonly kind: 'descriptor'; readonly walk: LocalId; readonly struct: SymbolOf<'struct'>; readonly span: Span }
  /** Its meaning could not be found out, which has been reported: nothing more is said about it. */
  | { readonly kind: 'unknown'; readonly span: Span };

/** Where an expression stands. */
export interface Scope {
  readonly context: Context;
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly facts: Facts;
  /** Is this evaluated while a register is accessed? */
  readonly access?: boolean | undefined;
  /** Does the operation bring a value? */
  readonly hasValue?: boolean | undefined;
  /** Is the time known there? */
  readonly time?: boolean | undefined;
}

export const constant = (value: bigint): NumberExpr => ({ op: 'const', value, max: value });

export const number = (expr: NumberExpr, range: Range, bits: number): NumberValue => ({
  type: 'number',
  expr,
  min: range.min,
  max: range.max,
  bits,
});

/** Narrows a value to what the facts say. */
export function known(value: NumberValue, scope: Scope): NumberValue {
  const range = scope.facts.range(value.expr, value);
  return range.min === value.min && range.max === value.max ? value : { ...value, min: range.min, max: range.max };
}

/** What is known when compiling is computed when compiling. */
export function fold(value: NumberValue): NumberValue {
  return value.min === value.max && value.expr.op !== 'const' ? { ...value, expr: constant(value.min) } : value;
}

/** A condition as 1 or 0. (Spelling conditions out twice instead would double the program with every `==`.) */
export const asNumber = (condition: BoolExpr): NumberExpr => ({
  op: 'choice',
  condition,
  left: constant(1n),
  right: constant(0n),
  max: 1n,
});

export const asCondition = (expr: NumberExpr): BoolValue => ({
  type: 'bool',
  expr: { op: 'ne', left: expr, right: constant(0n) },
});
