/** The tokens of `hand-parser.ts`, one after the other. */
import type * as ast from '../../../dsslang/ast.ts';
import type { Span } from '../../../dsslang/source.ts';
import type { Token } from './scanner.ts';

const reserved = new Set([
  'require', 'deny', 'let', 'if', 'then', 'else', 'for', 'in', 'on', 'and', 'or', 'not', 'implies', 'true', 'false', 'reserved',
  'mut',
]); // prettier-ignore

export abstract class HandCursor {
  private readonly tokens: readonly Token[];
  private position = 0;
  private lastEnd = 0;
  protected token: Token;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
    this.token = tokens[0] as Token;
  }

  protected next(): Token {
    const { token } = this;
    this.lastEnd = token.end;
    this.position += 1;
    this.token = this.tokens[this.position] ?? token;
    return token;
  }

  protected fail(wanted: string): never {
    throw new SyntaxError(`expected ${wanted}, found \`${this.token.text}\` at ${this.token.start}`);
  }

  protected is(text: string): boolean {
    return this.token.text === text && this.token.kind !== 'text';
  }

  protected accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.next();
    return true;
  }

  protected expect(text: string): Token {
    return this.is(text) ? this.next() : this.fail(text);
  }

  protected optional<T>(word: string, read: () => T): T | undefined {
    return this.accept(word) ? read() : undefined;
  }

  /** Is this token a name, or the one `ahead` of it? */
  protected isName(ahead = 0): boolean {
    const { kind, text } = this.tokens[this.position + ahead] ?? this.token;
    return kind === 'name' || (kind === 'keyword' && !reserved.has(text));
  }

  protected nameOf(token: Token): ast.Name {
    return { span: { start: token.start, end: token.end }, text: token.text };
  }

  protected name(): ast.Name {
    return this.isName() ? this.nameOf(this.next()) : this.fail('a name');
  }

  protected text(): Token {
    return this.token.kind === 'text' ? this.next() : this.fail('a text');
  }

  protected since(start: number): Span {
    return { start, end: this.lastEnd };
  }
}
