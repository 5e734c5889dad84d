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
  Action,
  BitRange,
  Device,
  DeviceEvent,
  EventDeclaration,
  EventKind,
  Expression,
  FieldBlock,
  FieldDeclaration,
  HandlerDeclaration,
  Import,
  InBlock,
  Item,
  ListWalk,
  Location,
  Name,
  RegionSpace,
  SourceFile,
  StateSet,
  Statement,
  StepDeclaration,
  StepTarget,
  StructField,
  TableWalk,
  Template,
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

/** How much of a table, or how to go on in a list. */
type Extent =
  | Omit<ListWalk, 'span' | 'item' | 'struct' | 'first' | 'body'>
  | Omit<TableWalk, 'span' | 'item' | 'struct' | 'base' | 'body'>;
type Walk =
  | { readonly kind: 'for'; readonly from: Expression; readonly to: Expression }
  | Omit<ListWalk, 'span' | 'item' | 'struct' | 'body'>
  | Omit<TableWalk, 'span' | 'item' | 'struct' | 'body'>;
const unreadWalk: Walk & { kind: 'for' } = { kind: 'for', from: noExpression, to: noExpression };

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
    const imports: Import[] = [];
    const templates: Template[] = [];
    this.MANY(() => {
      this.OR([
        { ALT: () => devices.push(this.SUBRULE(this.device)) },
        { ALT: () => imports.push(this.SUBRULE(this.importLine)) },
        { ALT: () => templates.push(this.SUBRULE(this.template)) },
      ]);
    });
    return { span: this.since(first), imports, templates, devices, unread: undefined };
  });

  private importLine = this.RULE('importLine', (): Import => {
    this.CONSUME(K.import);
    const path = this.CONSUME(Text);
    this.OPTION(() => this.CONSUME(Semicolon));
    return this.ACTION(() => {
      const { start, end } = spanOf(path);
      return { span: { start: start + 1, end: Math.max(start + 1, end - 1) }, path: path.image.slice(1, -1) };
    });
  });

  private template = this.RULE('template', (): Template => {
    const first = this.CONSUME(K.template);
    const name = this.SUBRULE(this.name);
    this.CONSUME(OpenRound);
    const parameters: Name[] = [];
    this.MANY_SEP({ SEP: Comma, DEF: () => parameters.push(this.SUBRULE1(this.name)) });
    this.CONSUME(CloseRound);
    this.CONSUME(Open);
    const items: Item[] = [];
    this.MANY(() => items.push(this.SUBRULE(this.item)));
    this.CONSUME(Close);
    return { span: this.since(first), name, parameters, items };
  });

  private include = this.RULE('include', (): Item => {
    const first = this.CONSUME(K.include);
    const template = this.SUBRULE(this.name);
    this.CONSUME(OpenRound);
    const args: Expression[] = [];
    this.MANY_SEP({ SEP: Comma, DEF: () => args.push(this.SUBRULE(this.expression)) });
    this.CONSUME(CloseRound);
    this.CONSUME(K.as);
    const prefix = this.SUBRULE1(this.name);
    return { kind: 'include', span: this.since(first), template, args, prefix };
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
      { ALT: () => this.SUBRULE(this.counter) },
      { ALT: () => this.SUBRULE(this.table) },
      { ALT: () => this.SUBRULE(this.freeze) },
      { ALT: () => this.SUBRULE(this.clock) },
      { ALT: () => this.SUBRULE(this.deadline) },
      { ALT: () => this.SUBRULE(this.rate) },
      { ALT: () => this.SUBRULE(this.engine) },
      { ALT: () => this.SUBRULE(this.interrupt) },
      { ALT: () => this.SUBRULE(this.resetClause) },
      { ALT: () => this.SUBRULE(this.invariant) },
      { ALT: () => this.SUBRULE(this.frozen) },
      { ALT: () => this.SUBRULE(this.include) },
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
    let space: RegionSpace = 'config';
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
          space = 'fixed-ports';
          base = this.SUBRULE1(this.integer);
          this.CONSUME(K.size);
        },
      },
      {
        ALT: () => {
          this.CONSUME1(K.memory);
          space = 'fixed-memory';
          base = this.SUBRULE2(this.integer);
          this.CONSUME1(K.size);
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
      const region = this.OPTION(() => this.SUBRULE(this.name));
      this.CONSUME(Plus);
      const offset = this.SUBRULE(this.expression);
      return { span: this.since(first), region: region ?? noName, offset, relative: region === undefined };
    },
    orElse({ span: nowhere, region: noName, offset: noExpression, relative: false }),
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
    const count = this.OPTION2(() => this.SUBRULE(this.elementIndex));
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
    return { kind: 'var', span: this.since(first), name, count, type, max, initial };
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

  private handler = this.RULE('handler', (): HandlerDeclaration | EventDeclaration => {
    const first = this.CONSUME(K.on);
    return this.OR<HandlerDeclaration | EventDeclaration>([
      {
        ALT: () => {
          const event = this.SUBRULE(this.registerEvent);
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
          const of = { register, index, value, body };
          return {
            kind: 'handler',
            span: this.since(first),
            event: event.image as EventKind,
            eventSpan: spanOf(event),
            ...of,
          };
        },
      },
      {
        ALT: () => {
          const event = this.SUBRULE(this.deviceEvent);
          const parameters = this.OPTION2(() => this.SUBRULE(this.parameters)) ?? [];
          const body = this.SUBRULE1(this.block);
          const of = { parameters, body };
          return {
            kind: 'event',
            span: this.since(first),
            event: event.image as DeviceEvent,
            eventSpan: spanOf(event),
            ...of,
          };
        },
      },
    ]);
  });

  private registerEvent = this.RULE('registerEvent', (): IToken =>
    this.OR([
      { ALT: () => this.CONSUME(K.write) },
      { ALT: () => this.CONSUME(K.read) },
      { ALT: () => this.CONSUME(K.report) },
    ]),
  );

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
    const items: (HandlerDeclaration | EventDeclaration | InBlock)[] = [];
    this.MANY(() => {
      items.push(
        this.OR<HandlerDeclaration | EventDeclaration | InBlock>([
          { ALT: () => this.SUBRULE(this.handler) },
          { ALT: () => this.SUBRULE(this.inBlock) },
        ]),
      );
      this.OPTION(() => this.CONSUME(Semicolon));
    });
    this.CONSUME(Close);
    return { kind: 'in', span: this.since(first), states, items };
  });

  // ---- state, time, engines ------------------------------------------------------------------------------------------

  /** What happens to the device, not to one register. */
  private deviceEvent = this.RULE('deviceEvent', (): IToken =>
    this.OR([
      { ALT: () => this.CONSUME(K.grant) },
      { ALT: () => this.CONSUME(K.store) },
      { ALT: () => this.CONSUME(K.interrupt) },
      { ALT: () => this.CONSUME(K.tick) },
    ]),
  );

  private parameters = this.RULE(
    'parameters',
    (): Name[] => {
      const names: Name[] = [];
      this.CONSUME(OpenRound);
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => names.push(this.SUBRULE(this.name)) });
      this.CONSUME(CloseRound);
      return names;
    },
    orElse([]),
  );

  private counter = this.RULE('counter', (): Item => {
    const first = this.CONSUME(K.counter);
    const name = this.SUBRULE(this.name);
    const word = this.OR([{ ALT: () => this.CONSUME(K.modulo) }, { ALT: () => this.CONSUME(K.saturating) }]);
    const end = word.image as 'modulo' | 'saturating';
    const limit = this.SUBRULE(this.expression);
    return { kind: 'counter', span: this.since(first), name, end, limit };
  });

  private table = this.RULE('table', (): Item => {
    const first = this.CONSUME(K.table);
    const name = this.SUBRULE(this.name);
    const count = this.SUBRULE(this.elementIndex);
    this.CONSUME(Colon);
    const type = this.SUBRULE(this.type);
    this.CONSUME(Assign);
    this.CONSUME(Open);
    const entries: { span: Span; index: Expression; value: Expression }[] = [];
    this.MANY(() => {
      const start = this.LA(1);
      const index = this.SUBRULE(this.expression);
      this.CONSUME1(Colon);
      const value = this.SUBRULE1(this.expression);
      entries.push({ span: this.since(start), index, value });
      this.OPTION(() => this.CONSUME(Comma));
    });
    const otherwise = this.OPTION1(() => {
      this.CONSUME(K.else);
      return this.SUBRULE2(this.expression);
    });
    this.CONSUME(Close);
    return { kind: 'table', span: this.since(first), name, count, type, entries, otherwise };
  });

  private freeze = this.RULE('freeze', (): Item => {
    const first = this.CONSUME(K.freeze);
    const registers: Name[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => registers.push(this.SUBRULE(this.name)) });
    this.CONSUME(K.when);
    const when = this.SUBRULE(this.expression);
    const { reason, action } = this.SUBRULE(this.refusal);
    return { kind: 'freeze', span: this.since(first), registers, when, reason, action };
  });

  /** `"reason"`, and what then happens. */
  private refusal = this.RULE(
    'refusal',
    (): { reason: string; action: Action | undefined } => {
      const reason = this.CONSUME(Text);
      const action = this.OPTION(() => {
        this.CONSUME(K.else);
        return this.SUBRULE(this.action);
      });
      return { reason: reason.image.slice(1, -1), action };
    },
    orElse({ reason: '', action: undefined }),
  );

  private clock = this.RULE('clock', (): Item => {
    const first = this.CONSUME(K.clock);
    const name = this.SUBRULE(this.name);
    return { kind: 'clock', span: this.since(first), name };
  });

  private deadline = this.RULE('deadline', (): Item => {
    const first = this.CONSUME(K.deadline);
    const name = this.SUBRULE(this.name);
    const time = this.SUBRULE(this.expression);
    const { reason, action } = this.SUBRULE(this.refusal);
    return { kind: 'deadline', span: this.since(first), name, time, reason, action };
  });

  private rate = this.RULE('rate', (): Item => {
    const first = this.CONSUME(K.rate);
    const name = this.SUBRULE(this.name);
    this.CONSUME(K.at);
    this.CONSUME(K.most);
    const rate = this.SUBRULE(this.expression);
    this.CONSUME(K.per);
    this.CONSUME(K.second);
    const burst = this.OPTION(() => {
      this.CONSUME(K.burst);
      return this.SUBRULE1(this.expression);
    });
    const { reason, action } = this.SUBRULE(this.refusal);
    return { kind: 'rate', span: this.since(first), name, rate, burst, reason, action };
  });

  private engine = this.RULE('engine', (): Item => {
    const first = this.CONSUME(K.engine);
    const name = this.SUBRULE(this.name);
    const count = this.SUBRULE(this.elementIndex);
    this.CONSUME(K.at);
    const at = this.SUBRULE(this.location);
    this.CONSUME(K.stride);
    const stride = this.SUBRULE(this.expression);
    this.CONSUME(Open);
    const items: Item[] = [];
    this.MANY(() => {
      items.push(this.SUBRULE(this.engineItem));
      this.OPTION(() => this.CONSUME(Semicolon));
    });
    this.CONSUME(Close);
    return { kind: 'engine', span: this.since(first), name, count, at, stride, items };
  });

  private engineItem = this.RULE('engineItem', (): Item =>
    this.OR<Item>([
      { ALT: () => this.SUBRULE(this.register) },
      { ALT: () => this.SUBRULE(this.machine) },
      { ALT: () => this.SUBRULE(this.variable) },
      { ALT: () => this.SUBRULE(this.counter) },
      { ALT: () => this.SUBRULE(this.clock) },
      { ALT: () => this.SUBRULE(this.deadline) },
      { ALT: () => this.SUBRULE(this.rate) },
      { ALT: () => this.SUBRULE(this.freeze) },
      { ALT: () => this.SUBRULE(this.ring) },
      { ALT: () => this.SUBRULE(this.handler) },
      { ALT: () => this.SUBRULE(this.inBlock) },
    ]),
  );

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

  private stepTarget = this.RULE(
    'stepTarget',
    (): StepTarget => {
      const register = this.SUBRULE(this.name);
      const index = this.OPTION(() => this.SUBRULE(this.elementIndex));
      const members: Name[] = [];
      this.MANY(() => {
        this.CONSUME(Dot);
        members.push(this.SUBRULE1(this.name));
      });
      return { register, index, members };
    },
    orElse({ register: noName, index: undefined, members: [] }),
  );

  private step = this.RULE('step', (): StepDeclaration => {
    const first = this.LA(1);
    return this.OR<StepDeclaration>([
      {
        ALT: () => {
          this.CONSUME(K.write);
          const target = this.SUBRULE(this.stepTarget);
          this.CONSUME(Assign);
          const value = this.SUBRULE(this.expression);
          return { kind: 'write', span: this.since(first), ...target, value };
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.read);
          const target = this.SUBRULE1(this.stepTarget);
          return { kind: 'read', span: this.since(first), ...target };
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.wait);
          this.CONSUME(K.until);
          const target = this.SUBRULE2(this.stepTarget);
          this.CONSUME(Equal);
          const equals = this.SUBRULE(this.integer);
          this.CONSUME(K.for);
          this.CONSUME(K.at);
          this.CONSUME(K.most);
          const timeout = this.SUBRULE1(this.integer);
          return { kind: 'wait', span: this.since(first), ...target, equals, timeout };
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
    const first = this.LA(1);
    this.OR([{ ALT: () => this.CONSUME(K.invariant) }, { ALT: () => this.CONSUME(K.property) }]);
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
    this.OR<Statement>({
      MAX_LOOKAHEAD: 1,
      DEF: [
        { ALT: () => this.SUBRULE(this.requireClause) },
        { ALT: () => this.SUBRULE(this.denyClause) },
        { ALT: () => this.SUBRULE(this.letClause) },
        { ALT: () => this.SUBRULE(this.mutClause) },
        { ALT: () => this.SUBRULE(this.ifStatement) },
        { ALT: () => this.SUBRULE(this.forStatement) },
        // Their words are names too (`count = 0`): another name must follow.
        { GATE: () => this.nameFollows(), ALT: () => this.SUBRULE(this.countClause), IGNORE_AMBIGUITIES: true },
        { GATE: () => this.nameFollows(), ALT: () => this.SUBRULE(this.forgetClause), IGNORE_AMBIGUITIES: true },
        { GATE: () => this.nameFollows(), ALT: () => this.SUBRULE(this.clockClause), IGNORE_AMBIGUITIES: true },
        { GATE: () => this.nameFollows(), ALT: () => this.SUBRULE(this.spendClause), IGNORE_AMBIGUITIES: true },
        { ALT: () => this.SUBRULE(this.change) },
      ],
    }),
  );

  private nameFollows(): boolean {
    return tokenMatcher(this.LA(2), NameToken);
  }

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
    (): Action =>
      this.OR<Action>([
        { ALT: () => this.nameNode(this.CONSUME(K.deny)) },
        {
          ALT: () => {
            const word = this.nameNode(this.CONSUME(K.clamp));
            return { ...word, value: this.SUBRULE(this.expression) };
          },
        },
        { ALT: () => this.SUBRULE(this.name) },
      ]),
    orElse(noName),
  );

  private countClause = this.RULE('countClause', (): Statement => {
    const first = this.CONSUME(K.count);
    const target = this.SUBRULE(this.place);
    const by = this.OPTION(() => {
      this.CONSUME(K.by);
      return this.SUBRULE(this.expression);
    });
    return { kind: 'count', span: this.since(first), target, by };
  });

  private forgetClause = this.RULE('forgetClause', (): Statement => {
    const first = this.CONSUME(K.forget);
    const registers: Expression[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => registers.push(this.SUBRULE(this.place)) });
    return { kind: 'forget', span: this.since(first), registers };
  });

  private clockClause = this.RULE('clockClause', (): Statement => {
    const word = this.OR([{ ALT: () => this.CONSUME(K.start) }, { ALT: () => this.CONSUME(K.stop) }]);
    const clock = this.SUBRULE(this.place);
    return { kind: word.image as 'start' | 'stop', span: this.since(word), clock };
  });

  private spendClause = this.RULE('spendClause', (): Statement => {
    const first = this.CONSUME(K.spend);
    const rate = this.SUBRULE(this.place);
    return { kind: 'spend', span: this.since(first), rate };
  });

  /** What such a statement is about: `NAME`, `NAME[i]`, `NAME[i].MEMBER`. */
  private place = this.RULE(
    'place',
    (): Expression => {
      const name = this.SUBRULE(this.name);
      let of: Expression = { kind: 'name', span: name.span, name };
      this.OPTION(() => {
        const index = this.SUBRULE(this.elementIndex);
        const span = this.since(this.LA(0));
        of = this.ACTION(() => ({ kind: 'index', span: join(name.span, span), of, index }));
        this.OPTION1(() => {
          this.CONSUME(Dot);
          const member = this.SUBRULE1(this.name);
          of = this.ACTION(() => ({ kind: 'member', span: join(name.span, member.span), of, member }));
        });
      });
      return of;
    },
    orElse(noExpression),
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
    const over = this.SUBRULE1(this.name);
    const walk = this.SUBRULE(this.walk);
    const body = this.SUBRULE(this.block);
    const common = { span: this.since(first), item, body };
    switch (walk?.kind) {
      case 'table':
        return { ...walk, ...common, struct: over };
      case 'list':
        return { ...walk, ...common, struct: over };
      default:
        // A walk that could not be read says nothing about what its name is.
        return { ...(walk ?? unreadWalk), ...common, ring: walk === unreadWalk ? noName : over };
    }
  });

  /** What stands between the name of what is walked and the block. */
  private walk = this.RULE(
    'walk',
    (): Walk =>
      this.OR<Walk>([
        {
          ALT: () => {
            this.CONSUME(OpenSquare);
            const from = this.SUBRULE(this.expression);
            this.CONSUME(UpTo);
            const to = this.SUBRULE1(this.expression);
            this.CONSUME(CloseSquare);
            return { kind: 'for', from, to };
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.at);
            const base = this.SUBRULE2(this.expression);
            const extent = this.SUBRULE(this.extent);
            return extent.kind === 'list' ? { ...extent, first: base } : { ...extent, base };
          },
        },
      ]),
    orElse(unreadWalk),
  );

  private extent = this.RULE(
    'extent',
    (): Extent =>
      this.OR<Extent>([
        {
          ALT: () => {
            this.CONSUME(K.next);
            const next = this.SUBRULE(this.expression);
            this.CONSUME(K.while);
            const more = this.SUBRULE1(this.expression);
            this.CONSUME(K.at);
            this.CONSUME(K.most);
            const most = this.SUBRULE2(this.expression);
            return { kind: 'list', next, more, most };
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.count);
            const count = this.SUBRULE3(this.expression);
            const most = this.OPTION(() => {
              this.CONSUME1(K.at);
              this.CONSUME1(K.most);
              return this.SUBRULE4(this.expression);
            });
            const until = this.OPTION1(() => {
              this.CONSUME(K.until);
              return this.SUBRULE5(this.expression);
            });
            return { kind: 'table', count, most, until };
          },
        },
        {
          ALT: () => {
            this.CONSUME2(K.at);
            this.CONSUME2(K.most);
            const most = this.SUBRULE6(this.expression);
            this.CONSUME1(K.until);
            const until = this.SUBRULE7(this.expression);
            return { kind: 'table', count: undefined, most, until };
          },
        },
      ]),
    orElse<Extent>({ kind: 'table', count: noExpression, most: undefined, until: undefined }),
  );

  private mutClause = this.RULE('mutClause', (): Statement => {
    const first = this.CONSUME(K.mut);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Colon);
    const type = this.SUBRULE(this.type);
    const max = this.OPTION(() => {
      this.CONSUME(K.max);
      return this.SUBRULE(this.expression);
    });
    this.CONSUME(Assign);
    const initial = this.SUBRULE1(this.expression);
    return { kind: 'mut', span: this.since(first), name, type, max, initial };
  });

  private frozen = this.RULE('frozen', (): Item => {
    const first = this.CONSUME(K.frozen);
    const name = this.SUBRULE(this.name);
    this.CONSUME(K.from);
    const from = this.SUBRULE(this.expression);
    this.CONSUME(K.size);
    const size = this.SUBRULE1(this.expression);
    this.CONSUME(K.when);
    const when = this.SUBRULE2(this.expression);
    const reason = this.CONSUME(Text);
    return { kind: 'frozen', span: this.since(first), name, from, size, when, reason: reason.image.slice(1, -1) };
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
          return { kind: 'transition', span: this.since(first), machine, target, state };
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
