/**
 * Slips of the pen of those who know another language: `=` for `==`, `&&`, `x += 1`, `in Off { }`, `uint32_t`.
 *
 * The grammar would call each of them "expected this, found that". Here they are recognised by the tokens around the place
 * and get words, a code and a page of their own. Some are mended before the parser sees them (`mendSlips`), so that nothing
 * behind them is misread; the others explain what the parser stumbled over (`slipAt`). The file is refused in any case.
 */
import { EOF, tokenMatcher, type IRecognitionException, type IToken, type TokenType } from 'chevrotain';
import type { Diagnostics } from './diagnostics.ts';
import { didYouMean } from './diagnostics.ts';
import { span, type Span } from './source.ts';
import {
  Arrow, Assign, Bar, BinaryOperatorToken, Close, CloseRound, CloseSquare, Dot, Equal, Identifier, Integer, K, NameToken, Open,
  OpenRound, OpenSquare, OpenText, Semicolon, Text, UpTo, type Keyword,
} from './tokens.ts'; // prettier-ignore

type Report = (diagnostics: Diagnostics) => void;

const tokensOf = (words: readonly Keyword[]): ReadonlySet<TokenType> => new Set(words.map((word) => K[word]));

const placeOf = (first: IToken, last = first): Span => span(first.startOffset, last.startOffset + last.image.length);

/** Do the two stand side by side, without a space? */
const adjacent = (first: IToken, second: IToken | undefined): second is IToken =>
  second !== undefined && first.startOffset + first.image.length === second.startOffset;

// ---- mended before parsing -------------------------------------------------------------------------------------------

/** Reports and mends; @returns the tokens that the author meant */
export function mendSlips(tokens: readonly IToken[], diagnostics: Diagnostics): IToken[] {
  const mended: IToken[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as IToken;
    // Only these can be slips.
    if (token.tokenType !== Assign && token.tokenType !== Arrow && !tokenMatcher(token, BinaryOperatorToken)) {
      mended.push(token);
      continue;
    }
    const next = tokens[at + 1];
    if (token.tokenType === Assign && isInCondition(tokens, at)) {
      diagnostics.add('DSS012', {}, placeOf(token));
      retag(token, Equal);
    } else if (isDoubled(token) && adjacent(token, next) && next.image === token.image) {
      const [found, word] = token.image === '&' ? ['&&', 'and' as const] : ['||', 'or' as const];
      diagnostics.add('DSS013', { found, word }, placeOf(token, next));
      retag(token, K[word]);
      at += 1;
    } else if (isChanging(tokens, at)) {
      const target = mended.at(-1)?.image ?? 'x';
      const operator = `${token.image}${next?.image ?? ''}`;
      diagnostics.add('DSS017', { operator }, placeOf(token, next), {
        help: `write \`${target} = ${target} ${token.image} ...\`; a \`counter\` is counted with \`count ${target}\``,
      });
      if (next?.tokenType === Assign) continue; // `x += 1` is read as `x = 1`,
      retag(token, Assign); // and `x++` as `x = 0`
      if (next !== undefined) retag(next, Integer, '0');
    } else if (token.tokenType === Arrow && namesMachineToo(tokens, at)) {
      const [machine, state] = [tokens[at + 1], tokens[at + 3]] as [IToken, IToken];
      diagnostics.add('DSS018', { machine: machine.image, state: state.image }, placeOf(machine, state));
      at += 2;
    }
    mended.push(token);
  }
  return mended;
}

const isDoubled = ({ image }: IToken): boolean => image === '&' || image === '|';

/** Operators are told apart by their text. */
function retag(token: IToken, type: TokenType, image = type.PATTERN as string): void {
  token.tokenType = type;
  token.image = image;
  if (type.tokenTypeIdx !== undefined) token.tokenTypeIdx = type.tokenTypeIdx;
}

/** `+=`, `|=`, `++`, `--` behind a name. */
function isChanging(tokens: readonly IToken[], at: number): boolean {
  const [target, token, next] = [tokens[at - 1], tokens[at], tokens[at + 1]];
  if (token === undefined || !is(token, BinaryOperatorToken) || isComparison(token) || !is(target, NameToken))
    return false;
  if (!adjacent(token, next)) return false;
  return next.tokenType === Assign || (/^[-+]$/.test(token.image) && next.image === token.image);
}

const opensCondition = tokensOf(['require', 'if', 'when', 'until', 'while']);
/** What ends the condition or begins something that has a `=` of its own. */
const endsCondition: ReadonlySet<TokenType> = new Set([
  ...tokensOf(['then', 'else', 'let', 'mut', 'var', 'const', 'region', 'write', 'read', 'delay', 'for', 'count', 'spend', 'start', 'stop', 'forget', 'next', 'machine', 'table', 'register', 'at']),
  Text, OpenText, Open, Close, OpenSquare, Semicolon, Assign, Arrow, UpTo,
]); // prettier-ignore
const CONDITION_TOKENS_MAX = 64;

/** Does `=` at that place stand where only a comparison can? */
function isInCondition(tokens: readonly IToken[], at: number): boolean {
  // `require v != 0 x = 1`: a name right behind a value begins the next statement.
  let target = at - 1;
  while (tokens[target - 1]?.tokenType === Dot) target -= 2;
  const before = tokens[target - 1];
  const values: readonly (TokenType | undefined)[] = [Identifier, Integer, CloseRound, CloseSquare];
  if (values.includes(before?.tokenType)) return false;
  for (let back = at - 1; back >= 0 && at - back < CONDITION_TOKENS_MAX; back -= 1) {
    const type = (tokens[back] as IToken).tokenType;
    if (opensCondition.has(type)) return back < at - 1;
    if (endsCondition.has(type)) return false;
  }
  return false;
}

/** `-> tx.On` */
function namesMachineToo(tokens: readonly IToken[], arrow: number): boolean {
  const [machine, dot, state] = tokens.slice(arrow + 1, arrow + 4);
  return (
    machine !== undefined &&
    state !== undefined &&
    dot?.tokenType === Dot &&
    tokenMatcher(machine, NameToken) &&
    tokenMatcher(state, NameToken)
  );
}

// ---- what the parser stumbled over -----------------------------------------------------------------------------------

interface Stumble {
  /** The token that was not expected. */
  readonly found: IToken;
  readonly at: number;
  readonly tokens: readonly IToken[];
  /** The innermost rule of the grammar, and all of them. */
  readonly rule: string;
  readonly rules: readonly string[];
}

/** @returns what to say instead of "expected this, found that" */
export function slipAt(error: IRecognitionException, at: number, tokens: readonly IToken[]): Report | undefined {
  const rules = error.context.ruleStack;
  const stumble: Stumble = { found: error.token, at, tokens, rule: rules.at(-1) ?? '', rules };
  for (const recognise of recognisers) {
    const report = recognise(stumble);
    if (report !== undefined) return report;
  }
  return undefined;
}

const is = (token: IToken | undefined, ...types: readonly TokenType[]): token is IToken =>
  token !== undefined && types.some((type) => tokenMatcher(token, type));
const isComparison = ({ image }: IToken): boolean => comparisons.has(image);

const startsStatement = tokensOf(['require', 'deny', 'let', 'if', 'for', 'mut']);
const startsDeclaration = tokensOf([
  'region', 'const', 'register', 'area', 'window', 'struct', 'machine', 'var', 'ring', 'counter', 'table', 'clock',
  'deadline', 'rate', 'engine', 'freeze', 'frozen', 'invariant', 'property', 'include', 'reset',
]); // prettier-ignore
const anyOf = (types: ReadonlySet<TokenType>, token: IToken | undefined): token is IToken =>
  token !== undefined && types.has(token.tokenType);

const declares: ReadonlySet<string> = new Set([
  'device',
  'item',
  'engine',
  'engineItem',
  'inBlock',
  'template',
  'file',
]);
const values: ReadonlySet<string> = new Set(['expression', 'operand', 'postfix', 'primary', 'integer']);
const comparisons: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);

/** Words of other languages, and what to write here. */
const foreign: Readonly<Record<string, string>> = {
  while: 'the only loops walk through memory: `for d in RING[FROM ..< TO] { ... }`',
  do: 'the only loops walk through memory: `for d in RING[FROM ..< TO] { ... }`',
  return: 'a handler ends where its text ends; refuse with `require` or `deny`',
  break: 'a walk ends by its bound, its `until` or its `while`',
  continue: 'put the rest of the turn into an `if`',
  switch: 'write `if ... { } else if ... { } else { }`',
  case: 'write `if ... { } else if ... { } else { }`',
  match: 'write `if ... { } else if ... { } else { }`',
  elif: 'write `else if`',
  elsif: 'write `else if`',
  elseif: 'write `else if`',
  assert: 'write `require CONDITION "reason"`',
  assume: 'write `require CONDITION "reason"`',
  throw: 'write `deny "reason"`',
  fail: 'write `deny "reason"`',
  reject: 'write `deny "reason"`',
};

/** Types of other languages, as they are called here. */
function typeOf(name: string): string | undefined {
  const sized = /^(?:u?int|u|U|uint|Bit|bits?)_?(8|16|32|64)(?:_t)?$/.exec(name)?.[1];
  if (sized !== undefined) return `u${sized}`;
  const plain: Readonly<Record<string, string>> = {
    bool: 'u1', boolean: 'u1', bit: 'u1', byte: 'u8', char: 'u8', word: 'u16', short: 'u16', int: 'u32', dword: 'u32',
    unsigned: 'u32', long: 'u64', qword: 'u64', size_t: 'u64', usize: 'u64',
  }; // prettier-ignore
  return Object.hasOwn(plain, name.toLowerCase()) ? plain[name.toLowerCase()] : undefined;
}

const recognisers: readonly ((stumble: Stumble) => Report | undefined)[] = [
  // `10 ms`
  ({ found, at, tokens }) => {
    const number = tokens[at - 1];
    if (!is(found, Identifier) || !is(number, Integer) || !/^(us|ms|s|K|M|G|KB|MB|GB|KiB|MiB|GiB)$/.test(found.image))
      return undefined;
    const unit = /^(KB|MB|GB|KiB|MiB|GiB)$/.test(found.image) ? found.image.slice(0, 1) : found.image;
    return (diagnostics) => {
      diagnostics.add('DSS026', { together: `${number.image}${unit}` }, placeOf(number, found));
    };
  },
  // `1.5`
  ({ found, at, tokens }) => {
    const whole = tokens[at - 2];
    if (!is(found, Integer) || !is(tokens[at - 1], Dot) || !is(whole, Integer)) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS025', {}, placeOf(whole, found));
    };
  },
  // `-1`
  ({ found, at, tokens, rule }) => {
    const number = tokens[at + 1];
    if (found.image !== '-' || !values.has(rule) || !is(number, Integer)) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS024', {}, placeOf(found, number));
    };
  },
  // `: uint32_t`
  ({ found, rule }) => {
    const meant = rule === 'type' && is(found, NameToken) ? typeOf(found.image) : undefined;
    if (meant === undefined) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS027', { type: found.image }, placeOf(found), { help: `write \`${meant}\`` });
    };
  },
  // `on TDT(v) { }`
  ({ found, at, tokens, rules }) => {
    const misspelled = didYouMean(found.image, ['write', 'read', 'report', 'grant', 'store', 'interrupt', 'tick']);
    if (!rules.includes('handler') || tokens[at - 1]?.tokenType !== K.on || !is(found, NameToken)) return undefined;
    if (misspelled !== undefined || !is(tokens[at + 1], OpenRound, OpenSquare, Open)) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS028', { register: found.image }, placeOf(found));
    };
  },
  // `on write R[3](v)`
  ({ found, at, tokens, rules }) => {
    const isIndex = rules.includes('handler') && !rules.includes('block') && is(tokens[at - 1], OpenSquare);
    if (!isIndex || !is(found, Integer)) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS020', { index: found.image }, placeOf(found));
    };
  },
  // `{ EN = 0 }`
  ({ found, at, tokens, rule }) => {
    if (rule !== 'fieldBlock' || !is(found, Integer) || !is(tokens[at - 1], Assign)) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS029', { bits: found.image }, placeOf(found));
    };
  },
  // `match pci 0x8086:0x100e`
  ({ found, at, tokens, rule }) => {
    if (rule !== 'match' || !is(found, Integer)) return undefined;
    const last = is(tokens[at + 2], Integer) ? tokens[at + 2] : found;
    return (diagnostics) => {
      diagnostics.add('DSS030', {}, placeOf(found, last));
    };
  },
  // `for i in 0 ..< 4`
  ({ found, at, tokens, rules }) => {
    if (!rules.includes('forStatement') || !is(found, Integer) || tokens[at - 1]?.tokenType !== K.in) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS032', {}, placeOf(found));
    };
  },
  // `register R at 0x10`, `register R at regs`
  ({ found, at, tokens, rule }) => {
    const before = tokens[at - 1];
    if (rule !== 'location' || before === undefined) return undefined;
    const missing = before.tokenType === K.at ? 'region' : 'offset';
    if (missing === 'region' && !is(found, Integer)) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS023', { missing }, placeOf(missing === 'region' ? found : before));
    };
  },
  // `in Off { }`, `in tx { }`, `in tx == Off { }`
  ({ found, at, tokens, rule }) => {
    const before = tokens[at - 1];
    if (rule !== 'stateSet' || !is(before, NameToken) || !(is(found, Open, Bar) || isComparison(found)))
      return undefined;
    const last = isComparison(found) && is(tokens[at + 1], NameToken) ? tokens[at + 1] : before;
    return (diagnostics) => {
      diagnostics.add('DSS019', {}, placeOf(before, last));
    };
  },
  // `v == 4` as a statement
  ({ found, rule }) => {
    if (rule !== 'change' || !(isComparison(found) || found.tokenType === K.and || found.tokenType === K.or))
      return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS031', {}, placeOf(found));
    };
  },
  // `while`, `return`, `switch`, ...
  ({ found, at, tokens, rules }) => {
    if (!rules.includes('block')) return undefined;
    const word = [found, tokens[at - 1]].find((each) => each !== undefined && Object.hasOwn(foreign, each.image));
    if (word === undefined) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS022', { word: word.image }, placeOf(word), { help: foreign[word.image] });
    };
  },
  // `var x : u8` in a handler
  ({ found, at, tokens, rule, rules }) => {
    const word = anyOf(startsDeclaration, tokens[at - 1]) ? tokens[at - 1] : found;
    const misplaced = rule === 'change' && word !== found && is(found, NameToken, Text);
    if (!rules.includes('block') || !misplaced || word === undefined) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS016', { word: word.image }, placeOf(word));
    };
  },
  // `require` outside of a handler
  ({ found, rule }) => {
    if (!declares.has(rule) || !anyOf(startsStatement, found)) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS015', { word: found.image }, placeOf(found));
    };
  },
  // `if c deny "x"`
  ({ found, rule, rules }) => {
    const owner = rules.at(-2);
    if (rule !== 'block' || (owner !== 'ifStatement' && owner !== 'forStatement') || !anyOf(startsStatement, found))
      return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS021', { word: owner === 'ifStatement' ? 'if' : 'for' }, placeOf(found));
    };
  },
  // `require c` without a reason
  ({ found, at, tokens, rule }) => {
    if (rule !== 'requireClause' && rule !== 'denyClause') return undefined;
    const ends = found.tokenType === EOF || is(found, Close, Semicolon) || anyOf(startsStatement, found);
    const next = tokens[at + 1];
    if (!ends && !(is(found, NameToken) && is(next, Assign, Arrow))) return undefined;
    const word = rule === 'denyClause' ? K.deny : K.require;
    const first = tokens.slice(0, at).findLast((each) => each.tokenType === word);
    const last = tokens[at - 1];
    if (first === undefined || last === undefined) return undefined;
    return (diagnostics) => {
      diagnostics.add('DSS014', { word: first.image }, placeOf(first, last));
    };
  },
];
