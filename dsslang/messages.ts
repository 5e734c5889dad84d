/**
 * THE catalogue: every diagnostic of the compiler, with its severity, its words and the parameters it needs; one file of
 * `messages/` for each phase.
 *
 * Phases: 0xx what is written, 1xx names, 2xx widths and ranges, 3xx registers and state machines, 4xx what is allowed
 * but looks wrong. A code is never reused. Wording: lower case, no full stop, the author's text in backticks, what was
 * found and what is allowed; the way out is the separate `help`.
 */
import type { Entry } from './messages/entry.ts';
import { lints } from './messages/lints.ts';
import { machineMistakes } from './messages/machines.ts';
import { nameMistakes } from './messages/names.ts';
import { rangeMistakes } from './messages/ranges.ts';
import { syntax } from './messages/syntax.ts';

export const catalogue = { ...syntax, ...nameMistakes, ...rangeMistakes, ...machineMistakes, ...lints } as const;

export type Code = keyof typeof catalogue;
export type Parameters<C extends Code> = (typeof catalogue)[C] extends Entry<infer P> ? P : never;
