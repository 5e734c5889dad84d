/**
 * Small parts that all of the grammar shares: places of tokens, values of literals, and what stands for what is missing.
 */
import type { IToken } from 'chevrotain';
import type { Expression, Name } from '../ast.ts';
import type { Span } from '../source.ts';

/** Recovery may invent tokens, whose offsets are NaN: they stand where the parser was. */
export function spanOf(token: IToken): Span {
  const start = token.startOffset;
  if (Number.isNaN(start) || start === undefined) return { start: 0, end: 0 };
  return { start, end: start + token.image.length };
}

const units: Readonly<Record<string, bigint>> = {
  K: 1024n,
  M: 1024n ** 2n,
  G: 1024n ** 3n,
  us: 1n,
  ms: 1000n,
  s: 1_000_000n,
};

/** The value of an integer literal; sizes in bytes, times in microseconds. */
export function integerValue(image: string): bigint {
  if (/^(?:0x[0-9a-fA-F]+|[0-9]+)$/.test(image)) return BigInt(image);
  const parts = /^(0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9_]+)(K|M|G|us|ms|s)?$/.exec(image);
  const digits = (parts?.[1] ?? '0').replaceAll('_', '');
  if (/^0[xXbB]$/.test(digits)) return 0n;
  return BigInt(digits) * (units[parts?.[2] ?? ''] ?? 1n);
}

/**
 * What stands in the tree where something required could not be read. Its text is empty, its span too: later passes say
 * nothing about it, for the parser has.
 */
export const nowhere: Span = { start: 0, end: 0 };
export const noName: Name = { span: nowhere, text: '' };
export const noExpression: Expression = { kind: 'error', span: nowhere };
export const orElse = <T>(value: T): { recoveryValueFunc: () => T } => ({ recoveryValueFunc: () => value });

/** Nesting deeper than this is refused: it protects the stack of every later pass. */
export const NESTING_MAX = 64;

/** More operators, members or `else if`s in one row are refused for the same reason. */
export const CHAIN_MAX = 256;
