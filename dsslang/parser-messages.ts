/**
 * What the parser says instead of Chevrotain's own messages: a phrase for every grammar rule and every token.
 * The provider returns the text of a DSS001 ("expected ..., found ..."); `parse.ts` splits it again into parameters.
 */
import { Close, Text } from './tokens.ts';
import { EOF, type IParserErrorMessageProvider, type IToken, type TokenType } from 'chevrotain';

/** What a rule reads, in words that fit behind "expected". A test holds this table complete. */
export const phrases: Readonly<Record<string, string>> = {
  file: '`device NAME { ... }`, `template NAME(...) { ... }` or `import "..."`',
  device: '`device NAME { ... }`',
  item: 'a declaration (`region`, `register`, `machine`, `var`, `on`, `in`, ...)',
  name: 'a name',
  match: '`match pci VVVV:DDDD`',
  region: '`bar N memory SIZE`, `bar N ports SIZE`, `config SIZE` or `ports FIRST size SIZE`',
  constant: '`const NAME = VALUE`',
  location: 'a place such as `regs + 0x10`',
  type: 'a type such as `u32`',
  mode: 'an access mode: `ro`, `wo`, `rw`, `w1c`, `rc` or `platform`',
  register: '`register NAME at REGION + OFFSET : TYPE MODE`',
  fieldBlock: 'a field such as `EN = [1]`, or `reserved [31:27]`',
  bitRange: 'bits such as `3` or `7:4`',
  area: '`area NAME at REGION + OFFSET size SIZE : MODE`',
  window: '`window NAME at REGION + OFFSET : TYPE into REGION by REGISTER`',
  struct: '`struct NAME size BYTES { field : TYPE at OFFSET ... }`',
  machine: '`machine NAME { State, State }`',
  variable: '`var NAME : TYPE`',
  ring: '`base`, `count`, `owned` or `head`',
  handler: '`on write`, `on read` or `on report` and a register',
  stateSet: 'a state such as `tx.Running`',
  inBlock: '`on ...` or a narrower `in ... { }`',
  interrupt: '`cause`, `acknowledge`, `mask` or `at most N per second`',
  resetClause: '`reset { ... }`',
  steps: '`write`, `read`, `wait until` or `delay`',
  step: '`write`, `read`, `wait until` or `delay`',
  stepTarget: 'a register such as `CTRL` or `port[2].CMD`',
  elementIndex: 'an element such as `[3]`',
  invariant: '`invariant "what holds" { condition }`',
  block: '`{ ... }`',
  statement: 'a statement (`require`, `if`, `for`, `let`, an assignment or a transition)',
  requireClause: '`require CONDITION "reason"`',
  denyClause: '`deny "reason"`',
  action: '`deny`, `fault`, `log` or `clamp VALUE`',
  letClause: '`let NAME = VALUE`',
  ifStatement: '`if CONDITION { ... }`',
  forStatement: '`for NAME in RING[FROM ..< TO] { ... }`',
  walk: '`[FROM ..< TO]` for a ring, or `at ADDRESS` for a table or a list',
  extent: '`count N`, `at most N until CONDITION`, or `next ADDRESS while CONDITION at most N`',
  mutClause: '`mut NAME : TYPE = VALUE`',
  importLine: 'a path in double quotes, such as `"std/pci.dss"`',
  template: '`template NAME(PARAMETER, ...) { ... }`',
  include: '`include TEMPLATE(ARGUMENT, ...) as PREFIX`',
  frozen: '`frozen NAME from ADDRESS size BYTES when CONDITION "reason"`',
  pool: '`pool NAME : STRUCT filled WORD on store(BEFORE, AFTER) { ... }`',
  change: '`= VALUE` or `-> State`',
  expression: 'a value',
  operand: 'a value',
  postfix: 'a value',
  primary: 'a value',
  integer: 'a number',
  // state, time, engines
  deviceEvent: '`grant`, `store`, `interrupt` or `tick`',
  registerEvent: '`write`, `read` or `report`',
  parameters: 'names such as `(address, length)`',
  counter: '`counter NAME modulo N` or `counter NAME saturating N`',
  table: '`table NAME[N] : TYPE = { INDEX: VALUE, else VALUE }`',
  freeze: '`freeze REGISTER when CONDITION "reason"`',
  refusal: '`"reason"`',
  clock: '`clock NAME`',
  deadline: '`deadline NAME TIME "reason"`',
  rate: '`rate NAME at most N per second "reason"`',
  engine: '`engine NAME[N] at REGION + OFFSET stride STRIDE { ... }`',
  engineItem: 'a `register`, `machine`, `var`, `ring`, `counter`, `clock`, `freeze`, `on` or `in` of the engine',
  countClause: '`count NAME` or `count NAME by VALUE`',
  forgetClause: '`forget REGISTER` or `forget all`',
  clockClause: '`start NAME` or `stop NAME`',
  spendClause: '`spend NAME`',
  checkClause: '`check NAME(ARGUMENT, ...)`',
  checkDeclaration: '`check NAME(PARAMETER, ...) { ... }`',
  checkParameter: 'a parameter such as `size`, or `d : STRUCT`',
  place: 'a name such as `NAME`, `NAME[i]` or `ENGINE[i].NAME`',
};

/** What may stand in a rule's braces instead of the closing one. */
const insideBraces: Readonly<Record<string, string>> = {
  device: phrases['item'] ?? '',
  template: phrases['item'] ?? '',
  fieldBlock: phrases['fieldBlock'] ?? '',
  struct: 'a field such as `length : u16 at 8`',
  machine: 'the name of a state',
  ring: phrases['ring'] ?? '',
  inBlock: phrases['inBlock'] ?? '',
  interrupt: phrases['interrupt'] ?? '',
  steps: phrases['steps'] ?? '',
  block: phrases['statement'] ?? '',
  engine: phrases['engineItem'] ?? '',
  table: 'an entry such as `0x03: 2`, or `else 0`',
};

/** The token as the author sees it. */
export function found(token: IToken): string {
  if (token.tokenType === EOF || token.image === '') return 'the end of the file';
  const image = token.image.length > 40 ? `${token.image.slice(0, 37)}...` : token.image;
  return `\`${image}\``;
}

function label(type: TokenType): string {
  return type === EOF ? 'the end of the file' : (type.LABEL ?? type.name);
}

const separator = '\u0000';
const pack = (expected: string, token: IToken): string => `${expected}${separator}${found(token)}`;

/** Takes apart what the provider below packed. */
export function unpack(message: string): { expected: string; found: string } {
  const [expected = 'something else', what = 'this'] = message.split(separator);
  return { expected, found: what };
}

export const parserMessages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, actual, ruleName }) => {
    if (expected === Text && ruleName === 'importLine') return pack(phrases[ruleName] ?? '', actual);
    const inside = expected === Close ? insideBraces[ruleName] : undefined;
    return pack(inside === undefined ? label(expected) : `${inside}, or ${label(expected)}`, actual);
  },
  buildNotAllInputParsedMessage: ({ firstRedundant }) => pack(phrases['file'] ?? '', firstRedundant),
  buildNoViableAltMessage: ({ actual, ruleName, customUserDescription }) =>
    pack(customUserDescription || (phrases[ruleName] ?? 'something else'), actual[0] as IToken),
  buildEarlyExitMessage: ({ actual, ruleName }) => pack(phrases[ruleName] ?? 'something else', actual[0] as IToken),
};
