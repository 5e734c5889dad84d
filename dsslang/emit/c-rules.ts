/** The table of rules in C: what a verdict means in words. Left out unless asked for, as a small system has no use for text. */
import type { Program } from '../ir.ts';
import { rulePlace } from '../runtime.ts';
import { indent } from './js-handlers.ts';

/** C99 promises no more than 4095 characters in a literal. */
const LITERAL_BYTES_MAX = 4000;

export const rulesMacro = (prefix: string): string => `${prefix.toUpperCase()}_MONITOR_RULES`;

export function ruleTable(program: Program, prefix: string): string[] {
  const rows = program.rules.map((rule) => {
    const texts = [rule.reason, rulePlace(rule), rule.text].map(literal).join(', ');
    return `{${texts}, ${literal(rule.action)}},`;
  });
  return [
    `#ifdef ${rulesMacro(prefix)}`,
    `const struct ${prefix}_rule ${prefix}_rules[] = {`,
    ...indent(rows),
    '};',
    '#endif',
  ];
}

/** A string literal of UTF-8 bytes; `?` is escaped because C99 has trigraphs. */
function literal(text: string): string {
  const bytes = [...Buffer.from(text).subarray(0, LITERAL_BYTES_MAX)];
  const characters = bytes.map((byte) => {
    if (byte < 0x20 || byte > 0x7e) return `\\${byte.toString(8).padStart(3, '0')}`;
    const character = String.fromCharCode(byte);
    return '"\\?'.includes(character) ? `\\${character}` : character;
  });
  return `"${characters.join('')}"`;
}
