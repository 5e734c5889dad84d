/**
 * A program as JSON, for tools and proofs. Integers of the calculus can exceed 2^53, so each is a hexadecimal string.
 */
import type { Program } from '../ir.ts';

export const IR_SCHEMA = 1;

/** @returns one JSON document, indented */
export function emitJson(program: Program): string {
  const exact = (_key: string, value: unknown): unknown =>
    typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
  return `${JSON.stringify({ schema: IR_SCHEMA, kind: 'refmon-ir', program }, exact, 2)}\n`;
}
