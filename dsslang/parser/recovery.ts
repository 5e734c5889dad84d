/**
 * The parser before its grammar: Chevrotain, and how it goes on after a mistake.
 *
 * Chevrotain skips tokens until one that may follow. A `}` that closes a block inside of what is skipped must not be
 * taken for the end of what is being read, so blocks are skipped whole.
 */
import { EmbeddedActionsParser, EOF, tokenMatcher, type IToken, type TokenType } from 'chevrotain';
import type { Name } from '../ast.ts';
import { parserMessages } from '../parser-messages.ts';
import type { Span } from '../source.ts';
import { allTokens, Close, Comma, K, Open, Plus, Semicolon } from '../tokens.ts';
import { spanOf } from './leaves.ts';
import { LazyLookahead } from './lookahead.ts';

/** After so many errors the rest of a file is not read: each costs far more time than a good statement. */
const ERRORS_MAX = 200;

/** A rule is chosen by so many tokens. */
const LOOKAHEAD_TOKENS = 2;

export interface ParserOptions {
  /** Go on after a mistake; a parser without it stops at the first, and is faster to make and to run. */
  readonly recovery: boolean;
  /** Check the grammar itself for ambiguities: slow, so only the tests do. */
  readonly validate?: boolean;
}

export abstract class RecoveringParser extends EmbeddedActionsParser {
  /** Rows longer than `CHAIN_MAX` in the file that was parsed last. */
  tooLong: Span[] = [];

  constructor({ recovery, validate = false }: ParserOptions) {
    super(allTokens, {
      recoveryEnabled: recovery,
      nodeLocationTracking: 'none',
      skipValidations: !validate,
      errorMessageProvider: parserMessages,
      lookaheadStrategy: new LazyLookahead(LOOKAHEAD_TOKENS),
      maxLookahead: LOOKAHEAD_TOKENS,
    });
  }

  protected override SKIP_TOKEN(): IToken {
    let depth = 0;
    do {
      const { tokenType } = this.LA(1);
      if (tokenType === Open) depth += 1;
      else if (tokenType === Close) depth -= 1;
      else if (tokenType === EOF) return super.SKIP_TOKEN();
      super.SKIP_TOKEN();
    } while (depth > 0);
    return this.LA(1);
  }

  /** Called by Chevrotain: the first token ahead, outside of blocks, that may follow. */
  findReSyncTokenType(): TokenType {
    if (this.errors.length >= ERRORS_MAX) return EOF; // this is no specification: stop reading
    const follows = (this as unknown as { flattenFollowSet(): TokenType[] })
      .flattenFollowSet()
      .filter((each) => each !== Semicolon); // ends clauses as well as declarations: no help in finding the level
    let depth = 0;
    for (let ahead = 1; ; ahead += 1) {
      const token = this.LA(ahead);
      if (token.tokenType === EOF) return EOF;
      const found = depth === 0 ? follows.find((each) => tokenMatcher(token, each)) : undefined;
      if (found !== undefined) return found;
      if (token.tokenType === Open) depth += 1;
      // A stray `}` closes nothing, here as in SKIP_TOKEN: else this would find what skipping never meets.
      else if (token.tokenType === Close) depth = Math.max(0, depth - 1);
    }
  }

  /** A bracket is never dropped as if it were a slip: what it opens would be read at the wrong level. */
  override canTokenTypeBeDeletedInRecovery(): boolean {
    return this.LA(1).tokenType !== Open;
  }

  /** A `}` is supplied where the next declaration begins, not before a mere separator. */
  override canTokenTypeBeInsertedInRecovery(type: TokenType): boolean {
    const next = this.LA(1).tokenType;
    // `at most` behind a forgotten condition would be read as a condition.
    if (type === K.while || type === K.until) return false;
    // `at 0x10` would be a place counted from the begin of an engine.
    if (type === Plus) return false;
    return type !== Close || (next !== Semicolon && next !== Comma);
  }

  /** From the token `first` to the last token consumed. */
  protected since(first: IToken): Span {
    const last = this.LA(0);
    const a = spanOf(first);
    const b = spanOf(last);
    return b.end > a.start ? { start: a.start, end: b.end } : a;
  }

  protected nameNode(token: IToken): Name {
    return { span: spanOf(token), text: token.image };
  }
}
