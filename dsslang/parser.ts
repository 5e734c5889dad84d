/**
 * From tokens to the tree, with recovery: one mistake spoils one declaration or statement, not the file.
 *
 * Chevrotain's LL(k) parser with embedded actions (the tree is built while parsing: 4x faster than through its CST).
 * Operator precedence is climbed over a flat list in `precedence.ts`. Chevrotain's own messages are never shown:
 * `parser-messages.ts` has a phrase for every rule below.
 */
import { EmbeddedActionsParser, EOF, tokenMatcher, type IToken, type TokenType } from 'chevrotain';
import type {
  AccessMode,
  BitRange,
  Device,
  EventKind,
  Expression,
  FieldBlock,
  FieldDeclaration,
  HandlerDeclaration,
  InBlock,
  Item,
  Location,
  Name,
  SourceFile,
  StateSet,
  Statement,
  StepDeclaration,
  StructField,
  TypeNode,
} from './ast.ts';
import { parserMessages } from './parser-messages.ts';
import { climb, type OperatorToken } from './precedence.ts';
import { join, type Span } from './source.ts';
import {
  allTokens,
  Arrow,
  Assign,
  Bar,
  BinaryOperatorToken,
  Close,
  CloseRound,
  CloseSquare,
  Colon,
  Comma,
  Dot,
  Equal,
  Integer,
  K,
  NameToken,
  Open,
  OpenRound,
  OpenSquare,
  PciId,
  Plus,
  Semicolon,
  Text,
  Tilde,
  Type,
  UpTo,
} from './tokens.ts';

/** Recovery may invent tokens, whose offsets are NaN: they stand where the parser was. */
export function spanOf(token: IToken): Span {
  const start = token.startOffset;
  if (Number.isNaN(start) || start === undefined) return { start: 0, end: 0 };
  return { start, end: start + token.image.length };
}

const modes: Record<AccessMode, TokenType> = {
  ro: K.ro,
  wo: K.wo,
  rw: K.rw,
  w1c: K.w1c,
  rc: K.rc,
  platform: K.platform,
};

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
  const parts = /^(0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9_]+)(K|M|G|us|ms|s)?$/.exec(image);
  const digits = (parts?.[1] ?? '0').replaceAll('_', '');
  if (/^0[xXbB]$/.test(digits)) return 0n;
  return BigInt(digits) * (units[parts?.[2] ?? ''] ?? 1n);
}

/**
 * What stands in the tree where something required could not be read. Its text is empty, its span too: later passes say
 * nothing about it, for the parser has.
 */
const nowhere: Span = { start: 0, end: 0 };
const noName: Name = { span: nowhere, text: '' };
const noExpression: Expression = { kind: 'error', span: nowhere };
const orElse = <T>(value: T): { recoveryValueFunc: () => T } => ({ recoveryValueFunc: () => value });

/** Nesting deeper than this is refused: it protects the stack of every later pass. */
export const NESTING_MAX = 64;

/** After so many errors the rest of a file is not read: each costs far more time than a good statement. */
const ERRORS_MAX = 200;

/** More operators, members or `else if`s in one row are refused for the same reason. */
export const CHAIN_MAX = 256;

export class DssParser extends EmbeddedActionsParser {
  /** Rows longer than `CHAIN_MAX` in the file that was parsed last. */
  tooLong: Span[] = [];

  /** @param validate check the grammar itself for ambiguities: slow, so only the tests do */
  constructor(validate = false) {
    super(allTokens, {
      recoveryEnabled: true,
      maxLookahead: 2,
      nodeLocationTracking: 'none',
      skipValidations: !validate,
      errorMessageProvider: parserMessages,
    });
    this.performSelfAnalysis();
  }

  // ---- recovery ------------------------------------------------------------------------------------------------------
  // Chevrotain skips tokens until one that may follow. A `}` that closes a block inside of what is skipped must not be
  // taken for the end of what is being read, so blocks are skipped whole.

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
      else if (token.tokenType === Close) depth -= 1;
    }
  }

  /** A bracket is never dropped as if it were a slip: what it opens would be read at the wrong level. */
  override canTokenTypeBeDeletedInRecovery(): boolean {
    return this.LA(1).tokenType !== Open;
  }

  /** A `}` is supplied where the next declaration begins, not before a mere separator. */
  override canTokenTypeBeInsertedInRecovery(type: TokenType): boolean {
    const next = this.LA(1).tokenType;
    return type !== Close || (next !== Semicolon && next !== Comma);
  }

  /** From the token `first` to the last token consumed. */
  private since(first: IToken): Span {
    const last = this.LA(0);
    const a = spanOf(first);
    const b = spanOf(last);
    return b.end > a.start ? { start: a.start, end: b.end } : a;
  }

  private nameNode(token: IToken): Name {
    return { span: spanOf(token), text: token.image };
  }

  private name = this.RULE('name', (): Name => this.nameNode(this.CONSUME(NameToken)), orElse(noName));

  file = this.RULE('file', (): SourceFile => {
    const first = this.LA(1);
    const devices: Device[] = [];
    this.MANY(() => devices.push(this.SUBRULE(this.device)));
    return { span: this.since(first), devices, unread: undefined };
  });

  private device = this.RULE('device', (): Device => {
    const first = this.CONSUME(K.device);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Open);
    const items: Item[] = [];
    this.MANY(() => items.push(this.SUBRULE(this.item)));
    this.CONSUME(Close);
    return { span: this.since(first), name, documentation: '', items };
  });

  private item = this.RULE('item', (): Item => {
    const item = this.OR<Item>([
      { ALT: () => this.SUBRULE(this.match) },
      { ALT: () => this.SUBRULE(this.region) },
      { ALT: () => this.SUBRULE(this.constant) },
      { ALT: () => this.SUBRULE(this.register) },
      { ALT: () => this.SUBRULE(this.area) },
      { ALT: () => this.SUBRULE(this.window) },
      { ALT: () => this.SUBRULE(this.struct) },
      { ALT: () => this.SUBRULE(this.machine) },
      { ALT: () => this.SUBRULE(this.variable) },
      { ALT: () => this.SUBRULE(this.ring) },
      { ALT: () => this.SUBRULE(this.handler) },
      { ALT: () => this.SUBRULE(this.inBlock) },
      { ALT: () => this.SUBRULE(this.interrupt) },
      { ALT: () => this.SUBRULE(this.resetClause) },
      { ALT: () => this.SUBRULE(this.invariant) },
    ]);
    this.OPTION(() => this.CONSUME(Semicolon));
    return item;
  });

  private match = this.RULE('match', (): Item => {
    const first = this.CONSUME(K.match);
    this.CONSUME(K.pci);
    const ids: { span: Span; vendor: number; device: number }[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: Comma,
      DEF: () => {
        const id = this.CONSUME(PciId);
        ids.push({
          span: spanOf(id),
          vendor: Number.parseInt(id.image.slice(0, 4), 16),
          device: Number.parseInt(id.image.slice(5), 16),
        });
      },
    });
    return { kind: 'match', span: this.since(first), ids };
  });

  private region = this.RULE('region', (): Item => {
    const first = this.CONSUME(K.region);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Assign);
    let space: 'memory' | 'ports' | 'config' | 'fixed' = 'config';
    let base: Expression | undefined;
    this.OR([
      {
        ALT: () => {
          this.CONSUME(K.bar);
          base = this.SUBRULE(this.integer);
          this.OR1([
            { ALT: () => (this.CONSUME(K.memory), (space = 'memory')) },
            { ALT: () => (this.CONSUME(K.ports), (space = 'ports')) },
          ]);
        },
      },
      { ALT: () => (this.CONSUME(K.config), (space = 'config')) },
      {
        ALT: () => {
          this.CONSUME1(K.ports);
          space = 'fixed';
          base = this.SUBRULE1(this.integer);
          this.CONSUME(K.size);
        },
      },
    ]);
    const size = this.SUBRULE(this.expression);
    return { kind: 'region', span: this.since(first), name, space, base, size };
  });

  private constant = this.RULE('constant', (): Item => {
    const first = this.CONSUME(K.const);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Assign);
    const value = this.SUBRULE(this.expression);
    return { kind: 'const', span: this.since(first), name, value };
  });

  private location = this.RULE(
    'location',
    (): Location => {
      const first = this.LA(1);
      const region = this.SUBRULE(this.name);
      this.CONSUME(Plus);
      const offset = this.SUBRULE(this.expression);
      return { span: this.since(first), region, offset };
    },
    orElse({ span: nowhere, region: noName, offset: noExpression }),
  );

  private type = this.RULE(
    'type',
    (): TypeNode => {
      const token = this.CONSUME(Type);
      return { span: spanOf(token), bits: this.ACTION(() => Number(token.image.slice(1))) };
    },
    orElse({ span: nowhere, bits: 0 }),
  );

  private mode = this.RULE(
    'mode',
    (): { mode: AccessMode; span: Span } => {
      const token = this.OR(Object.values(modes).map((type, index) => ({ ALT: () => this.consume(index, type) })));
      return { mode: token.image as AccessMode, span: spanOf(token) };
    },
    orElse({ mode: 'rw', span: nowhere }),
  );

  private register = this.RULE('register', (): Item => {
    const first = this.CONSUME(K.register);
    const name = this.SUBRULE(this.name);
    const count = this.OPTION(() => {
      this.CONSUME(OpenSquare);
      const size = this.SUBRULE(this.expression);
      this.CONSUME(CloseSquare);
      return size;
    });
    this.CONSUME(K.at);
    const at = this.SUBRULE(this.location);
    const stride = this.OPTION1(() => {
      this.CONSUME(K.stride);
      return this.SUBRULE1(this.expression);
    });
    this.CONSUME(Colon);
    const type = this.SUBRULE(this.type);
    const { mode, span: modeSpan } = this.SUBRULE(this.mode);
    const widths: Expression[] = [];
    this.OPTION2(() => {
      this.CONSUME(K.access);
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => widths.push(this.SUBRULE(this.integer)) });
    });
    const fields = this.OPTION3(() => this.SUBRULE(this.fieldBlock));
    return { kind: 'register', span: this.since(first), name, count, at, stride, type, mode, modeSpan, widths, fields };
  });

  private fieldBlock = this.RULE(
    'fieldBlock',
    (): FieldBlock => {
      const first = this.CONSUME(Open);
      const fields: FieldDeclaration[] = [];
      const reserved: BitRange[] = [];
      this.MANY(() => {
        this.OR([
          {
            ALT: () => {
              const start = this.LA(1);
              const name = this.SUBRULE(this.name);
              this.CONSUME(Assign);
              this.CONSUME(OpenSquare);
              const bits = this.SUBRULE(this.bitRange);
              this.CONSUME(CloseSquare);
              fields.push({ span: this.since(start), name, bits });
            },
          },
          {
            ALT: () => {
              this.CONSUME(K.reserved);
              this.CONSUME1(OpenSquare);
              this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => reserved.push(this.SUBRULE1(this.bitRange)) });
              this.CONSUME1(CloseSquare);
            },
          },
        ]);
        this.OPTION(() => this.CONSUME1(Comma));
      });
      this.CONSUME(Close);
      return { span: this.since(first), fields, reserved };
    },
    orElse({ span: nowhere, fields: [], reserved: [] }),
  );

  private bitRange = this.RULE(
    'bitRange',
    (): BitRange => {
      const first = this.LA(1);
      const high = this.SUBRULE(this.integer);
      const low =
        this.OPTION(() => {
          this.CONSUME(Colon);
          return this.SUBRULE1(this.integer);
        }) ?? high;
      return { span: this.since(first), high, low };
    },
    orElse({ span: nowhere, high: noExpression, low: noExpression }),
  );

  private area = this.RULE('area', (): Item => {
    const first = this.CONSUME(K.area);
    const name = this.SUBRULE(this.name);
    this.CONSUME(K.at);
    const at = this.SUBRULE(this.location);
    this.CONSUME(K.size);
    const size = this.SUBRULE(this.expression);
    this.CONSUME(Colon);
    const { mode, span: modeSpan } = this.SUBRULE(this.mode);
    return { kind: 'area', span: this.since(first), name, at, size, mode, modeSpan };
  });

  private window = this.RULE('window', (): Item => {
    const first = this.CONSUME(K.window);
    const name = this.SUBRULE(this.name);
    this.CONSUME(K.at);
    const at = this.SUBRULE(this.location);
    this.CONSUME(Colon);
    const type = this.SUBRULE(this.type);
    this.CONSUME(K.into);
    const into = this.SUBRULE1(this.name);
    this.CONSUME(K.by);
    const by = this.SUBRULE2(this.name);
    return { kind: 'window', span: this.since(first), name, at, type, into, by };
  });

  private struct = this.RULE('struct', (): Item => {
    const first = this.CONSUME(K.struct);
    const name = this.SUBRULE(this.name);
    this.CONSUME(K.size);
    const size = this.SUBRULE(this.expression);
    this.CONSUME(Open);
    const fields: StructField[] = [];
    this.MANY(() => {
      const start = this.LA(1);
      const field = this.SUBRULE1(this.name);
      this.CONSUME(Colon);
      const type = this.SUBRULE(this.type);
      this.CONSUME(K.at);
      const offset = this.SUBRULE1(this.expression);
      const bits = this.OPTION(() => this.SUBRULE(this.fieldBlock));
      this.OPTION1(() => this.OR([{ ALT: () => this.CONSUME(Comma) }, { ALT: () => this.CONSUME(Semicolon) }]));
      fields.push({ span: this.since(start), name: field, type, offset, fields: bits });
    });
    this.CONSUME(Close);
    return { kind: 'struct', span: this.since(first), name, size, fields };
  });

  private machine = this.RULE('machine', (): Item => {
    const first = this.CONSUME(K.machine);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Open);
    const states: Name[] = [];
    this.AT_LEAST_ONE(() => {
      states.push(this.SUBRULE1(this.name));
      this.OPTION(() => this.CONSUME(Comma));
    });
    this.CONSUME(Close);
    return { kind: 'machine', span: this.since(first), name, states };
  });

  private variable = this.RULE('variable', (): Item => {
    const first = this.CONSUME(K.var);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Colon);
    const type = this.SUBRULE(this.type);
    const max = this.OPTION(() => {
      this.CONSUME(K.max);
      return this.SUBRULE(this.expression);
    });
    const initial = this.OPTION1(() => {
      this.CONSUME(Assign);
      return this.SUBRULE1(this.expression);
    });
    return { kind: 'var', span: this.since(first), name, type, max, initial };
  });

  private ring = this.RULE('ring', (): Item => {
    const first = this.CONSUME(K.ring);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Colon);
    const struct = this.SUBRULE1(this.name);
    this.CONSUME(Open);
    let base: Expression | undefined;
    let count: Expression | undefined;
    let owned: { from: Expression; to: Expression; span: Span } | undefined;
    let when: Expression | undefined;
    let head: Name | undefined;
    const clauses: Name[] = [];
    const clause = (token: IToken): number => clauses.push(this.nameNode(token));
    this.MANY(() => {
      this.OR([
        { ALT: () => (clause(this.CONSUME(K.base)), (base = this.SUBRULE(this.expression))) },
        { ALT: () => (clause(this.CONSUME(K.count)), (count = this.SUBRULE1(this.expression))) },
        {
          ALT: () => {
            const start = this.CONSUME(K.owned);
            clause(start);
            const from = this.SUBRULE2(this.expression);
            this.CONSUME(UpTo);
            const to = this.SUBRULE3(this.expression);
            owned = { from, to, span: this.since(start) };
            this.OPTION(() => {
              this.CONSUME(K.when);
              when = this.SUBRULE4(this.expression);
            });
          },
        },
        { ALT: () => (clause(this.CONSUME(K.head)), (head = this.SUBRULE2(this.name))) },
      ]);
      this.OPTION1(() => this.CONSUME(Comma));
    });
    this.CONSUME(Close);
    return { kind: 'ring', span: this.since(first), name, struct, base, count, owned, when, head, clauses };
  });

  private handler = this.RULE('handler', (): HandlerDeclaration => {
    const first = this.CONSUME(K.on);
    const event = this.OR([
      { ALT: () => this.CONSUME(K.write) },
      { ALT: () => this.CONSUME(K.read) },
      { ALT: () => this.CONSUME(K.report) },
    ]);
    const register = this.SUBRULE(this.name);
    const index = this.OPTION(() => {
      this.CONSUME(OpenSquare);
      const bound = this.SUBRULE1(this.name);
      this.CONSUME(CloseSquare);
      return bound;
    });
    const value = this.OPTION1(() => {
      this.CONSUME(OpenRound);
      const bound = this.SUBRULE2(this.name);
      this.CONSUME(CloseRound);
      return bound;
    });
    const body = this.SUBRULE(this.block);
    return {
      kind: 'handler',
      span: this.since(first),
      event: event.image as EventKind,
      eventSpan: spanOf(event),
      register,
      index,
      value,
      body,
    };
  });

  private stateSet = this.RULE(
    'stateSet',
    (): StateSet => {
      const first = this.LA(1);
      const states: { machine: Name; state: Name; span: Span }[] = [];
      this.AT_LEAST_ONE_SEP({
        SEP: Bar,
        DEF: () => {
          const start = this.LA(1);
          const machine = this.SUBRULE(this.name);
          this.CONSUME(Dot);
          const state = this.SUBRULE1(this.name);
          states.push({ machine, state, span: this.since(start) });
        },
      });
      return { span: this.since(first), states };
    },
    orElse({ span: nowhere, states: [] }),
  );

  private inBlock = this.RULE('inBlock', (): InBlock => {
    const first = this.CONSUME(K.in);
    const states = this.SUBRULE(this.stateSet);
    this.CONSUME(Open);
    const items: (HandlerDeclaration | InBlock)[] = [];
    this.MANY(() => {
      items.push(
        this.OR<HandlerDeclaration | InBlock>([
          { ALT: () => this.SUBRULE(this.handler) },
          { ALT: () => this.SUBRULE(this.inBlock) },
        ]),
      );
      this.OPTION(() => this.CONSUME(Semicolon));
    });
    this.CONSUME(Close);
    return { kind: 'in', span: this.since(first), states, items };
  });

  private interrupt = this.RULE('interrupt', (): Item => {
    const first = this.CONSUME(K.interrupt);
    this.CONSUME(Open);
    let cause: Name | undefined;
    let causeValue: Name | undefined;
    let causeWhen: Expression | undefined;
    let acknowledge: { event: 'read' | 'write'; register: Name } | undefined;
    let mask: readonly StepDeclaration[] = [];
    let deadline: Expression | undefined;
    let rate: Expression | undefined;
    let burst: Expression | undefined;
    const clauses: Name[] = [];
    const clause = (text: string, token: IToken): number => clauses.push({ span: spanOf(token), text });
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            clause('cause', this.CONSUME(K.cause));
            cause = this.SUBRULE(this.name);
            this.OPTION(() => {
              this.CONSUME(OpenRound);
              causeValue = this.SUBRULE1(this.name);
              this.CONSUME(CloseRound);
              this.CONSUME(K.when);
              causeWhen = this.SUBRULE(this.expression);
            });
          },
        },
        {
          ALT: () => {
            const start = this.CONSUME(K.acknowledge);
            this.OR1([
              {
                ALT: () => {
                  this.CONSUME(K.within);
                  clause('acknowledge within', start);
                  deadline = this.SUBRULE(this.integer);
                },
              },
              {
                ALT: () => {
                  const event = this.OR2([{ ALT: () => this.CONSUME(K.read) }, { ALT: () => this.CONSUME(K.write) }]);
                  clause('acknowledge', start);
                  const register = this.SUBRULE2(this.name);
                  acknowledge = { event: event.image as 'read' | 'write', register };
                },
              },
            ]);
          },
        },
        { ALT: () => (clause('mask', this.CONSUME(K.mask)), (mask = this.SUBRULE(this.steps))) },
        {
          ALT: () => {
            clause('at most', this.CONSUME(K.at));
            this.CONSUME(K.most);
            rate = this.SUBRULE1(this.integer);
            this.CONSUME(K.per);
            this.CONSUME(K.second);
            this.OPTION1(() => {
              this.CONSUME(K.burst);
              burst = this.SUBRULE2(this.integer);
            });
          },
        },
      ]);
      this.OPTION2(() => this.OR3([{ ALT: () => this.CONSUME(Semicolon) }, { ALT: () => this.CONSUME(Comma) }]));
    });
    this.CONSUME(Close);
    return {
      kind: 'interrupt',
      span: this.since(first),
      cause,
      causeValue,
      causeWhen,
      acknowledge,
      mask,
      deadline,
      rate,
      burst,
      clauses,
    };
  });

  private resetClause = this.RULE('resetClause', (): Item => {
    const first = this.CONSUME(K.reset);
    const steps = this.SUBRULE(this.steps);
    return { kind: 'reset', span: this.since(first), steps };
  });

  private steps = this.RULE(
    'steps',
    (): StepDeclaration[] => {
      this.CONSUME(Open);
      const steps: StepDeclaration[] = [];
      this.MANY(() => {
        steps.push(this.SUBRULE(this.step));
        this.OPTION(() => this.CONSUME(Semicolon));
      });
      this.CONSUME(Close);
      return steps;
    },
    orElse([]),
  );

  private elementIndex = this.RULE(
    'elementIndex',
    (): Expression => {
      this.CONSUME(OpenSquare);
      const index = this.SUBRULE(this.expression);
      this.CONSUME(CloseSquare);
      return index;
    },
    orElse(noExpression),
  );

  private step = this.RULE('step', (): StepDeclaration => {
    const first = this.LA(1);
    return this.OR<StepDeclaration>([
      {
        ALT: () => {
          this.CONSUME(K.write);
          const register = this.SUBRULE(this.name);
          const index = this.OPTION(() => this.SUBRULE(this.elementIndex));
          this.CONSUME(Assign);
          const value = this.SUBRULE(this.expression);
          return { kind: 'write', span: this.since(first), register, index, value };
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.read);
          const register = this.SUBRULE1(this.name);
          const index = this.OPTION1(() => this.SUBRULE1(this.elementIndex));
          return { kind: 'read', span: this.since(first), register, index };
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.wait);
          this.CONSUME(K.until);
          const register = this.SUBRULE2(this.name);
          const field = this.OPTION2(() => {
            this.CONSUME(Dot);
            return this.SUBRULE3(this.name);
          });
          this.CONSUME(Equal);
          const equals = this.SUBRULE(this.integer);
          this.CONSUME(K.for);
          this.CONSUME(K.at);
          this.CONSUME(K.most);
          const timeout = this.SUBRULE1(this.integer);
          return { kind: 'wait', span: this.since(first), register, field, equals, timeout };
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.delay);
          const time = this.SUBRULE2(this.integer);
          return { kind: 'delay', span: this.since(first), time };
        },
      },
    ]);
  });

  private invariant = this.RULE('invariant', (): Item => {
    const first = this.CONSUME(K.invariant);
    const text = this.CONSUME(Text);
    this.CONSUME(Open);
    const condition = this.SUBRULE(this.expression);
    this.CONSUME(Close);
    return { kind: 'invariant', span: this.since(first), text: text.image.slice(1, -1), condition };
  });

  // ---- statements ----------------------------------------------------------------------------------------------------

  private block = this.RULE(
    'block',
    (): Statement[] => {
      this.CONSUME(Open);
      const statements: Statement[] = [];
      this.MANY(() => {
        statements.push(this.SUBRULE(this.statement));
        this.OPTION(() => this.CONSUME(Semicolon));
      });
      this.CONSUME(Close);
      return statements;
    },
    orElse([]),
  );

  private statement = this.RULE('statement', (): Statement =>
    this.OR<Statement>([
      { ALT: () => this.SUBRULE(this.requireClause) },
      { ALT: () => this.SUBRULE(this.denyClause) },
      { ALT: () => this.SUBRULE(this.letClause) },
      { ALT: () => this.SUBRULE(this.ifStatement) },
      { ALT: () => this.SUBRULE(this.forStatement) },
      { ALT: () => this.SUBRULE(this.change) },
    ]),
  );

  private requireClause = this.RULE('requireClause', (): Statement => {
    const first = this.CONSUME(K.require);
    const condition = this.SUBRULE(this.expression);
    const reason = this.CONSUME(Text);
    const action = this.OPTION(() => {
      this.CONSUME(K.else);
      return this.SUBRULE(this.action);
    });
    return {
      kind: 'require',
      span: this.since(first),
      condition,
      reason: reason.image.slice(1, -1),
      reasonSpan: spanOf(reason),
      action,
    };
  });

  private denyClause = this.RULE('denyClause', (): Statement => {
    const first = this.CONSUME(K.deny);
    const reason = this.CONSUME(Text);
    const action = this.OPTION(() => {
      this.CONSUME(K.else);
      return this.SUBRULE(this.action);
    });
    return { kind: 'deny', span: this.since(first), reason: reason.image.slice(1, -1), action };
  });

  private action = this.RULE(
    'action',
    (): Name => this.OR([{ ALT: () => this.nameNode(this.CONSUME(K.deny)) }, { ALT: () => this.SUBRULE(this.name) }]),
    orElse(noName),
  );

  private letClause = this.RULE('letClause', (): Statement => {
    const first = this.CONSUME(K.let);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Assign);
    const value = this.SUBRULE(this.expression);
    return { kind: 'let', span: this.since(first), name, value };
  });

  private ifStatement = this.RULE('ifStatement', (): Statement => {
    const first = this.CONSUME(K.if);
    const condition = this.SUBRULE(this.expression);
    const consequent = this.SUBRULE(this.block);
    const alternative =
      this.OPTION(() => {
        this.CONSUME(K.else);
        return this.OR([{ ALT: () => [this.SUBRULE(this.ifStatement)] }, { ALT: () => this.SUBRULE1(this.block) }]);
      }) ?? [];
    return { kind: 'if', span: this.since(first), condition, consequent, alternative };
  });

  private forStatement = this.RULE('forStatement', (): Statement => {
    const first = this.CONSUME(K.for);
    const item = this.SUBRULE(this.name);
    this.CONSUME(K.in);
    const ring = this.SUBRULE1(this.name);
    this.CONSUME(OpenSquare);
    const from = this.SUBRULE(this.expression);
    this.CONSUME(UpTo);
    const to = this.SUBRULE1(this.expression);
    this.CONSUME(CloseSquare);
    const body = this.SUBRULE(this.block);
    return { kind: 'for', span: this.since(first), item, ring, from, to, body };
  });

  private change = this.RULE('change', (): Statement => {
    const first = this.LA(1);
    const target = this.SUBRULE(this.postfix);
    return this.OR<Statement>([
      {
        ALT: () => {
          this.CONSUME(Assign);
          const value = this.SUBRULE(this.expression);
          return { kind: 'assign', span: this.since(first), target, value };
        },
      },
      {
        ALT: () => {
          this.CONSUME(Arrow);
          const state = this.SUBRULE(this.name);
          const machine: Name =
            target?.kind === 'name' ? target.name : { span: target?.span ?? spanOf(first), text: '' };
          return { kind: 'transition', span: this.since(first), machine, state };
        },
      },
    ]);
  });

  // ---- expressions ---------------------------------------------------------------------------------------------------

  private expression = this.RULE(
    'expression',
    (): Expression => {
      const first = this.LA(1);
      const operands: Expression[] = [this.SUBRULE(this.operand)];
      const operators: OperatorToken[] = [];
      this.MANY(() => {
        const token = this.OR([
          { ALT: () => this.CONSUME(BinaryOperatorToken) },
          { ALT: () => this.CONSUME(K.and) },
          { ALT: () => this.CONSUME(K.or) },
          { ALT: () => this.CONSUME(K.implies) },
        ]);
        operators.push({ text: token.image, span: spanOf(token) });
        operands.push(this.SUBRULE1(this.operand));
      });
      return this.ACTION((): Expression => {
        if (operators.length > CHAIN_MAX) this.tooLong.push(this.since(first));
        const unreadable = operators.length > CHAIN_MAX || operands.some((operand) => operand === undefined);
        return unreadable ? { kind: 'error', span: this.since(first) } : climb(operands, operators);
      });
    },
    orElse(noExpression),
  );

  private operand = this.RULE(
    'operand',
    (): Expression => {
      const first = this.LA(1);
      return this.OR<Expression>([
        {
          ALT: () => {
            this.CONSUME(K.not);
            const operand = this.SUBRULE(this.operand);
            return { kind: 'unary', span: this.since(first), operator: 'not', operand };
          },
        },
        {
          ALT: () => {
            this.CONSUME(Tilde);
            const operand = this.SUBRULE1(this.operand);
            return { kind: 'unary', span: this.since(first), operator: '~', operand };
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.if);
            const condition = this.SUBRULE(this.expression);
            this.CONSUME(K.then);
            const consequent = this.SUBRULE1(this.expression);
            this.CONSUME(K.else);
            const alternative = this.SUBRULE2(this.expression);
            return { kind: 'choice', span: this.since(first), condition, consequent, alternative };
          },
        },
        { ALT: () => this.SUBRULE(this.postfix) },
      ]);
    },
    orElse(noExpression),
  );

  private postfix = this.RULE(
    'postfix',
    (): Expression => {
      let of = this.SUBRULE(this.primary);
      let length = 0;
      this.MANY(() => {
        length += 1;
        this.OR([
          {
            ALT: () => {
              this.CONSUME(Dot);
              const member = this.SUBRULE(this.name);
              of = this.ACTION(() => ({ kind: 'member', span: join(of.span, member.span), of, member }));
            },
          },
          {
            ALT: () => {
              this.CONSUME(OpenSquare);
              const index = this.SUBRULE(this.expression);
              const low = this.OPTION(() => {
                this.CONSUME(Colon);
                return this.SUBRULE1(this.expression);
              });
              const close = this.CONSUME(CloseSquare);
              of = this.ACTION(() => {
                const place = join(of.span, spanOf(close));
                return low === undefined
                  ? { kind: 'index', span: place, of, index }
                  : { kind: 'slice', span: place, of, high: index, low };
              });
            },
          },
          {
            ALT: () => {
              this.CONSUME(OpenRound);
              const args: Expression[] = [];
              this.MANY_SEP({ SEP: Comma, DEF: () => args.push(this.SUBRULE2(this.expression)) });
              const close = this.CONSUME(CloseRound);
              of = this.ACTION(() => ({ kind: 'call', span: join(of.span, spanOf(close)), callee: of, args }));
            },
          },
        ]);
      });
      return this.ACTION((): Expression => {
        if (length <= CHAIN_MAX) return of;
        this.tooLong.push(of.span);
        return { kind: 'error', span: of.span };
      });
    },
    orElse(noExpression),
  );

  private primary = this.RULE(
    'primary',
    (): Expression =>
      this.OR<Expression>([
        { ALT: () => this.SUBRULE(this.integer) },
        {
          ALT: () => {
            const token = this.CONSUME(K.true);
            return { kind: 'boolean', span: spanOf(token), value: true };
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(K.false);
            return { kind: 'boolean', span: spanOf(token), value: false };
          },
        },
        {
          ALT: () => {
            const name = this.SUBRULE(this.name);
            return this.ACTION(() => ({ kind: 'name', span: name.span, name }));
          },
        },
        {
          ALT: () => {
            this.CONSUME(OpenRound);
            const inner = this.SUBRULE(this.expression);
            this.CONSUME(CloseRound);
            return inner;
          },
        },
      ]),
    orElse(noExpression),
  );

  private integer = this.RULE(
    'integer',
    (): Expression => {
      const token = this.CONSUME(Integer);
      return { kind: 'integer', span: spanOf(token), value: this.ACTION(() => integerValue(token.image)) };
    },
    orElse(noExpression),
  );
}

let shared: DssParser | undefined;

/** The parser's grammar is analysed once a process; it keeps nothing of a file between two calls. */
export function dssParser(): DssParser {
  shared ??= new DssParser();
  return shared;
}
