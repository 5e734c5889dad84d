/**
 * Limits of one specification, each tested at the limit and one past it; and constants that must lie within bounds.
 */
import type * as ast from '../ast.ts';
import type { Span } from '../source.ts';
import { show, type Context } from './context.ts';
import { elaborateConstant } from './expressions.ts';

/** Limits of one specification; one more is refused. */
export const REGISTERS_MAX = 4096;
/** Elements of all register arrays together; more are an `area`. */
export const REGISTER_ELEMENTS_MAX = 65536;
export const SCALARS_MAX = 1024;
/** Elements of all arrays of the state together. */
export const ARRAY_ELEMENTS_MAX = 65536;
export const REGIONS_MAX = 64;
export const AREAS_MAX = 4096;
export const WINDOWS_MAX = 64;
export const RINGS_MAX = 64;
export const MACHINES_MAX = 64;
export const STATES_MAX = 1024;
export const STRUCT_BYTES_MAX = 4096;

/** A constant within limits, or a diagnostic. */
export function constantWithin(
  expression: ast.Expression,
  context: Context,
  what: string,
  min: bigint,
  max: bigint,
): number | undefined {
  const value = elaborateConstant(expression, context, what);
  if (value === undefined) return undefined;
  if (value < min || value > max) {
    context.diagnostics.add('DSS212', { what, min: show(min), max: show(max), found: show(value) }, expression.span);
    return undefined;
  }
  return Number(value);
}

/**
 * Reports a size where a time is needed, or a time where a size is; and a time that does not say in what.
 * @returns false if the number means something else
 */
export function hasUnit(expression: ast.Expression, wanted: 'size' | 'time', context: Context): boolean {
  if (expression.kind !== 'integer') return true;
  const text = context.text(expression.span);
  const [, unit] = /^[0-9_]+(us|ms|s|K|M|G)$/.exec(text) ?? [];
  const found = unit === undefined ? undefined : /s$/.test(unit) ? 'time' : 'size';
  if (found !== undefined && found !== wanted) {
    context.diagnostics.add('DSS223', { text, found, wanted }, expression.span);
    return false;
  }
  if (found === undefined && wanted === 'time' && expression.value !== 0n)
    context.diagnostics.add('DSS410', { text }, expression.span);
  return true;
}

/** One more than a limit allows, or not. */
export function tooMany(what: string, count: number, max: number, place: Span, context: Context): boolean {
  if (count <= max) return false;
  if (context.exceeded.has(what)) return true;
  context.exceeded.add(what);
  context.diagnostics.add('DSS310', { name: what, count, max }, place);
  return true;
}
