/**
 * How deep a file nests, counted over its tokens before anything recurses into it.
 *
 * Three things nest: brackets; prefix words, which need no brackets (`not not ...`, `if a then if b then ...`); and
 * chains of `else if`. Each has a limit far beyond what people write and far below what the stack holds.
 */
import type { IToken, TokenType } from 'chevrotain';
import { CHAIN_MAX, NESTING_MAX } from './parser/leaves.ts';
import {
  Arrow,
  Assign,
  Close,
  CloseRound,
  CloseSquare,
  Comma,
  K,
  Open,
  OpenRound,
  OpenSquare,
  Semicolon,
  Text,
  Tilde,
} from './tokens.ts';

/** What a token does to the nesting; every token of a file is asked, so the answer is one look into an array. */
type Role = 'opens' | 'closes' | 'prefix' | 'boundary';

const roles: (Role | undefined)[] = [];
const give = (role: Role, types: readonly TokenType[]): void => {
  for (const { tokenTypeIdx } of types) if (tokenTypeIdx !== undefined) roles[tokenTypeIdx] = role;
};
give('opens', [Open, OpenRound, OpenSquare]);
give('closes', [Close, CloseRound, CloseSquare]);
give('prefix', [K.not, Tilde, K.if, K.then, K.else]);
// No expression reaches across these.
give('boundary', [Assign, Arrow, Text, Comma, Semicolon]);
give('boundary', [K.require, K.let, K.deny, K.for, K.on, K.when, K.mut]);

export interface NestingError {
  readonly what: string;
  readonly max: number;
  readonly token: IToken;
}

/** What is counted inside one pair of brackets. */
interface Level {
  prefixes: number;
  elses: number;
}

/** The first token that nests too deep; undefined if none does. */
export function nestingError(tokens: readonly IToken[]): NestingError | undefined {
  let level: Level = { prefixes: 0, elses: 0 };
  const outer: Level[] = [];
  let prefixSum = 0;
  let elseSum = 0;
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as IToken;
    const role = roles[token.tokenTypeIdx];
    if (role === undefined) continue;
    const type = token.tokenType;
    if (role === 'opens') {
      outer.push(level);
      level = { prefixes: 0, elses: 0 };
    } else if (role === 'closes') {
      prefixSum -= level.prefixes;
      elseSum -= level.elses;
      level = outer.pop() ?? { prefixes: 0, elses: 0 };
      // A block ends the condition before it, and what does not go on with `else` ends the chain.
      if (type === Close) {
        prefixSum -= level.prefixes;
        level.prefixes = 0;
        if (tokens[at + 1]?.tokenType !== K.else) {
          elseSum -= level.elses;
          level.elses = 0;
        }
      }
    } else if (role === 'prefix') {
      level.prefixes += 1;
      prefixSum += 1;
      if (type === K.else) {
        level.elses += 1;
        elseSum += 1;
      }
    } else {
      prefixSum -= level.prefixes;
      level.prefixes = 0;
      elseSum -= level.elses;
      level.elses = 0;
    }
    if (outer.length > NESTING_MAX) return { what: 'levels of brackets', max: NESTING_MAX, token };
    if (elseSum > CHAIN_MAX) return { what: '`else`s in a row', max: CHAIN_MAX, token };
    if (prefixSum > CHAIN_MAX) return { what: 'prefixes in a row', max: CHAIN_MAX, token };
  }
  return undefined;
}
