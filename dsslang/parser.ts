/**
 * From tokens to the tree, with recovery: one mistake spoils one declaration or statement, not the file.
 *
 * Chevrotain's LL(k) parser with embedded actions (the tree is built while parsing: 4x faster than through its CST).
 * The grammar is inherited from the files of `parser/`, each of which has one part of it and knows the parts below;
 * here are files, devices, templates and engines. Chevrotain's own messages are never shown: `parser-messages.ts` has a
 * phrase for every rule.
 */
import type { IOrAlt, IRecognitionException, IToken } from 'chevrotain';
import type { Device, Expression, Import, Item, Name, SourceFile, Template } from './ast.ts';
import { InterruptParser } from './parser/interrupts.ts';
import { spanOf } from './parser/leaves.ts';
import type { ParserOptions } from './parser/recovery.ts';
import type { Span } from './source.ts';
import { Close, CloseRound, Comma, K, Open, OpenRound, Semicolon, Text } from './tokens.ts';

/** What the parser makes of a file. */
export interface Reading {
  /** Absent if nothing could be read. */
  readonly file: SourceFile | undefined;
  readonly errors: readonly IRecognitionException[];
  /** Rows longer than `CHAIN_MAX`. */
  readonly tooLong: readonly Span[];
}

export class DssParser extends InterruptParser {
  constructor(options: ParserOptions) {
    super(options);
    this.performSelfAnalysis();
  }

  /** Reads the tokens of a file, and keeps nothing of it. */
  read(tokens: IToken[]): Reading {
    this.input = tokens;
    this.tooLong = [];
    const file = this.file() as SourceFile | undefined;
    const { errors, tooLong } = this;
    this.input = [];
    return { file, errors, tooLong };
  }

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

  protected importLine = this.RULE('importLine', (): Import => {
    this.CONSUME(K.import);
    const path = this.CONSUME(Text);
    this.OPTION(() => this.CONSUME(Semicolon));
    return this.ACTION(() => {
      const { start, end } = spanOf(path);
      return { span: { start: start + 1, end: Math.max(start + 1, end - 1) }, path: path.image.slice(1, -1) };
    });
  });

  protected template = this.RULE('template', (): Template => {
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

  protected include = this.RULE('include', (): Item => {
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

  protected device = this.RULE('device', (): Device => {
    const first = this.CONSUME(K.device);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Open);
    const items: Item[] = [];
    this.MANY(() => items.push(this.SUBRULE(this.item)));
    this.CONSUME(Close);
    return { span: this.since(first), name, documentation: '', items };
  });

  protected item = this.RULE('item', (): Item => {
    const item = this.OR(this.items);
    this.OPTION(() => this.CONSUME(Semicolon));
    return item;
  });

  // What does not depend on the place is made once, not at each of thousands of declarations.
  private readonly items: IOrAlt<Item>[] = [
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
    { ALT: () => this.SUBRULE(this.pool) },
    { ALT: () => this.SUBRULE(this.include) },
    { ALT: () => this.SUBRULE(this.checkDeclaration) },
  ];

  protected engine = this.RULE('engine', (): Item => {
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

  protected engineItem = this.RULE('engineItem', (): Item => this.OR(this.engineItems));

  private readonly engineItems: IOrAlt<Item>[] = [
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
  ];
}

/** Made at the first file, and at the first one with a mistake: most have none. */
let strict: DssParser | undefined;
let recovering: DssParser | undefined;

/** The tree of a file. With a mistake in it, it is read again by a parser that goes on after mistakes. */
export function readTokens(tokens: IToken[]): Reading {
  strict ??= new DssParser({ recovery: false });
  const reading = strict.read(tokens);
  if (reading.errors.length === 0) return reading;
  recovering ??= new DssParser({ recovery: true });
  return recovering.read(tokens);
}
