/**
 * From text to tokens, with Chevrotain's lexer.
 *
 * To the lexer a keyword is an identifier, whose word is looked up afterwards: a hundred patterns fewer to prepare at every
 * start, and to try at every letter. Only offsets are tracked: lines and columns are computed when a message is printed
 * (`source.ts`).
 */
import { Lexer, type ILexingResult, type TokenType } from 'chevrotain';
import { Identifier, K, keywords, lexedTokens } from './tokens.ts';

/** Doc comments and comments are kept aside, for documentation pages and the formatter. */
export type LexResult = ILexingResult;

const lexer = new Lexer(lexedTokens, {
  positionTracking: 'onlyOffset',
  ensureOptimizations: false,
  skipValidations: true, // validated by the tests instead of at every start
});

const keywordOf: ReadonlyMap<string, TokenType> = new Map(keywords.map((word) => [word, K[word]]));

/** Never throws: what is no token is among the errors. */
export function tokenize(text: string): LexResult {
  const lexed = lexer.tokenize(text);
  for (const token of lexed.tokens) {
    if (token.tokenType !== Identifier) continue;
    const keyword = keywordOf.get(token.image);
    if (keyword?.tokenTypeIdx === undefined) continue;
    token.tokenType = keyword;
    token.tokenTypeIdx = keyword.tokenTypeIdx;
  }
  return lexed;
}
