/**
 * The parser that one would write by hand: recursive descent, operators by precedence climbing, the very tree of
 * `dsslang/parser.ts`. It stops at the first mistake and words nothing: what a bench compares with, and an independent
 * reading of the grammar for a differential test. Not part of the product.
 */
import type * as ast from '../../dsslang/ast.ts';
import { precedence } from '../../dsslang/precedence.ts';
import type { Span } from '../../dsslang/source.ts';
import { scan, type Scanned, type Token } from './hand-scanner.ts';

const reserved = new Set([
  'require', 'deny', 'let', 'if', 'then', 'else', 'for', 'in', 'on', 'and', 'or', 'not', 'implies', 'true', 'false', 'reserved',
]); // prettier-ignore
const modes = new Set(['ro', 'wo', 'rw', 'w1c', 'rc', 'platform']);
const binary: Readonly<Record<string, number>> = precedence;

/** @throws SyntaxError at the first mistake */
export function parseByHand(text: string): ast.SourceFile {
  return new HandParser(scan(text)).file();
}

class HandParser {
  readonly #tokens: readonly Token[];
  readonly #documentation: Scanned['documentation'];
  #at = 0;
  #token: Token;
  #lastEnd = 0;

  constructor({ tokens, documentation }: Scanned) {
    this.#tokens = tokens;
    this.#documentation = documentation;
    this.#token = tokens[0] as Token;
  }

  // ---- tokens ----------------------------------------------------------------------------------------------------------

  #next(): Token {
    const token = this.#token;
    this.#lastEnd = token.end;
    this.#at += 1;
    this.#token = this.#tokens[this.#at] ?? token;
    return token;
  }

  #fail(wanted: string): never {
    throw new SyntaxError(`expected ${wanted}, found \`${this.#token.text}\` at ${this.#token.start}`);
  }

  #is(text: string): boolean {
    return this.#token.text === text && this.#token.kind !== 'text';
  }

  #accept(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#next();
    return true;
  }

  #expect(text: string): Token {
    return this.#is(text) ? this.#next() : this.#fail(text);
  }

  #isName(): boolean {
    const { kind, text } = this.#token;
    return kind === 'name' || (kind === 'keyword' && !reserved.has(text));
  }

  #nameOf(token: Token): ast.Name {
    return { span: { start: token.start, end: token.end }, text: token.text };
  }

  #name(): ast.Name {
    return this.#isName() ? this.#nameOf(this.#next()) : this.#fail('a name');
  }

  #since(start: number): Span {
    return { start, end: this.#lastEnd };
  }

  // ---- declarations ----------------------------------------------------------------------------------------------------

  file(): ast.SourceFile {
    const { start } = this.#token;
    const devices: ast.Device[] = [];
    let from = 0;
    while (this.#token.kind !== 'end') {
      const device = this.#device();
      const lines = this.#documentation.filter((line) => line.start >= from && line.start < device.span.start);
      devices.push({ ...device, documentation: lines.map((line) => line.text.replace(/^\/\/\/ ?/, '')).join('\n') });
      from = device.span.end;
    }
    return { span: this.#since(start), imports: [], templates: [], devices, unread: undefined };
  }

  #device(): ast.Device {
    const { start } = this.#expect('device');
    const name = this.#name();
    this.#expect('{');
    const items: ast.Item[] = [];
    while (!this.#accept('}')) {
      items.push(this.#item());
      this.#accept(';');
    }
    return { span: this.#since(start), name, documentation: '', items };
  }

  #item(): ast.Item {
    const { start } = this.#token;
    switch (this.#token.text) {
      case 'match': return this.#match(start);
      case 'region': return this.#region(start);
      case 'const': return this.#constant(start);
      case 'register': return this.#register(start);
      case 'area': return this.#area(start);
      case 'window': return this.#window(start);
      case 'struct': return this.#struct(start);
      case 'machine': return this.#machine(start);
      case 'var': return this.#variable(start);
      case 'ring': return this.#ring(start);
      case 'on': return this.#handler();
      case 'in': return this.#inBlock();
      case 'interrupt': return this.#interrupt(start);
      case 'reset': {
        this.#next();
        return { kind: 'reset', steps: this.#steps(), span: this.#since(start) };
      }
      case 'invariant': return this.#invariant(start);
      case 'check': return this.#checkDeclaration(start);
      default: return this.#fail('a declaration');
    } // prettier-ignore
  }

  #match(start: number): ast.Item {
    this.#next();
    this.#expect('pci');
    const ids: { span: Span; vendor: number; device: number }[] = [];
    do {
      if (this.#token.kind !== 'pci') this.#fail('a PCI id');
      const id = this.#next();
      const [vendor = '', device = ''] = id.text.split(':');
      const span = { start: id.start, end: id.end };
      ids.push({ span, vendor: Number.parseInt(vendor, 16), device: Number.parseInt(device, 16) });
    } while (this.#accept(','));
    return { kind: 'match', span: this.#since(start), ids };
  }

  #region(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    this.#expect('=');
    let space: ast.RegionSpace = 'config';
    let base: ast.Expression | undefined;
    if (this.#accept('bar')) {
      base = this.#integer();
      if (this.#accept('memory')) space = 'memory';
      else {
        this.#expect('ports');
        space = 'ports';
      }
    } else if (this.#accept('ports')) {
      space = 'fixed-ports';
      base = this.#integer();
      this.#expect('size');
    } else if (this.#accept('memory')) {
      space = 'fixed-memory';
      base = this.#integer();
      this.#expect('size');
    } else this.#expect('config');
    const size = this.#expression();
    return { kind: 'region', span: this.#since(start), name, space, base, size };
  }

  #constant(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    this.#expect('=');
    const value = this.#expression();
    return { kind: 'const', span: this.#since(start), name, value };
  }

  #location(): ast.Location {
    const { start } = this.#token;
    const region = this.#name();
    this.#expect('+');
    const offset = this.#expression();
    return { span: this.#since(start), region, offset, relative: false };
  }

  #type(): ast.TypeNode {
    if (this.#token.kind !== 'type') this.#fail('a type');
    const token = this.#next();
    return { span: { start: token.start, end: token.end }, bits: Number(token.text.slice(1)) };
  }

  #mode(): { mode: ast.AccessMode; modeSpan: Span } {
    if (!modes.has(this.#token.text)) this.#fail('an access mode');
    const token = this.#next();
    return { mode: token.text as ast.AccessMode, modeSpan: { start: token.start, end: token.end } };
  }

  #optional<T>(word: string, read: () => T): T | undefined {
    return this.#accept(word) ? read() : undefined;
  }

  #register(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    const count = this.#is('[') ? this.#elementIndex() : undefined;
    this.#expect('at');
    const at = this.#location();
    const stride = this.#optional('stride', () => this.#expression());
    this.#expect(':');
    const type = this.#type();
    const { mode, modeSpan } = this.#mode();
    const widths: ast.Expression[] = [];
    if (this.#accept('access')) {
      do widths.push(this.#integer());
      while (this.#accept(','));
    }
    const fifo = this.#accept('fifo');
    const fields = this.#is('{') ? this.#fieldBlock() : undefined;
    return {
      kind: 'register',
      span: this.#since(start),
      name,
      count,
      at,
      stride,
      type,
      mode,
      modeSpan,
      widths,
      fifo,
      fields,
    };
  }

  #fieldBlock(): ast.FieldBlock {
    const { start } = this.#expect('{');
    const fields: ast.FieldDeclaration[] = [];
    const zeros: ast.BitRange[] = [];
    while (!this.#accept('}')) {
      if (this.#accept('reserved')) {
        this.#expect('[');
        do zeros.push(this.#bitRange());
        while (this.#accept(','));
        this.#expect(']');
      } else {
        const begin = this.#token.start;
        const name = this.#name();
        this.#expect('=');
        this.#expect('[');
        const bits = this.#bitRange();
        this.#expect(']');
        fields.push({ span: this.#since(begin), name, bits });
      }
      this.#accept(',');
    }
    return { span: this.#since(start), fields, reserved: zeros };
  }

  #bitRange(): ast.BitRange {
    const { start } = this.#token;
    const high = this.#integer();
    const low = this.#optional(':', () => this.#integer()) ?? high;
    return { span: this.#since(start), high, low };
  }

  #area(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    this.#expect('at');
    const at = this.#location();
    this.#expect('size');
    const size = this.#expression();
    this.#expect(':');
    const { mode, modeSpan } = this.#mode();
    return { kind: 'area', span: this.#since(start), name, at, size, mode, modeSpan };
  }

  #window(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    this.#expect('at');
    const at = this.#location();
    this.#expect(':');
    const type = this.#type();
    this.#expect('into');
    const into = this.#name();
    this.#expect('by');
    const by = this.#name();
    return { kind: 'window', span: this.#since(start), name, at, type, into, by };
  }

  #struct(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    this.#expect('size');
    const size = this.#expression();
    this.#expect('{');
    const fields: ast.StructField[] = [];
    while (!this.#accept('}')) {
      const begin = this.#token.start;
      const field = this.#name();
      this.#expect(':');
      const type = this.#type();
      this.#expect('at');
      const offset = this.#expression();
      const bits = this.#is('{') ? this.#fieldBlock() : undefined;
      if (!this.#accept(',')) this.#accept(';');
      fields.push({ span: this.#since(begin), name: field, type, offset, fields: bits });
    }
    return { kind: 'struct', span: this.#since(start), name, size, fields };
  }

  #machine(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    this.#expect('{');
    const states: ast.Name[] = [];
    do {
      states.push(this.#name());
      this.#accept(',');
    } while (!this.#accept('}'));
    return { kind: 'machine', span: this.#since(start), name, states };
  }

  #variable(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    this.#expect(':');
    const type = this.#type();
    const max = this.#optional('max', () => this.#expression());
    const initial = this.#optional('=', () => this.#expression());
    return { kind: 'var', span: this.#since(start), name, count: undefined, type, max, initial };
  }

  #ring(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    this.#expect(':');
    const struct = this.#name();
    this.#expect('{');
    let base: ast.Expression | undefined;
    let count: ast.Expression | undefined;
    let owned: { from: ast.Expression; to: ast.Expression; span: Span } | undefined;
    let when: ast.Expression | undefined;
    let head: ast.Name | undefined;
    const clauses: ast.Name[] = [];
    while (!this.#accept('}')) {
      const word = this.#next();
      clauses.push(this.#nameOf(word));
      if (word.text === 'base') base = this.#expression();
      else if (word.text === 'count') count = this.#expression();
      else if (word.text === 'head') head = this.#name();
      else if (word.text === 'owned') {
        const from = this.#expression();
        this.#expect('..<');
        const to = this.#expression();
        owned = { from, to, span: this.#since(word.start) };
        if (this.#accept('when')) when = this.#expression();
      } else this.#fail('a clause of a ring');
      this.#accept(',');
    }
    return { kind: 'ring', span: this.#since(start), name, struct, base, count, owned, when, head, clauses };
  }

  #handler(): ast.HandlerDeclaration {
    const { start } = this.#expect('on');
    if (!this.#is('write') && !this.#is('read') && !this.#is('report')) this.#fail('an event');
    const event = this.#next();
    const register = this.#name();
    const index = this.#bound('[', ']');
    const value = this.#bound('(', ')');
    const body = this.#block();
    return {
      kind: 'handler',
      span: this.#since(start),
      event: event.text as ast.EventKind,
      eventSpan: { start: event.start, end: event.end },
      register,
      index,
      value,
      body,
    };
  }

  #bound(open: string, close: string): ast.Name | undefined {
    if (!this.#accept(open)) return undefined;
    const name = this.#name();
    this.#expect(close);
    return name;
  }

  #inBlock(): ast.InBlock {
    const { start } = this.#expect('in');
    const first = this.#token.start;
    const states: { machine: ast.Name; state: ast.Name; span: Span }[] = [];
    do {
      const begin = this.#token.start;
      const machine = this.#name();
      this.#expect('.');
      const state = this.#name();
      states.push({ machine, state, span: this.#since(begin) });
    } while (this.#accept('|'));
    const set = { span: this.#since(first), states };
    this.#expect('{');
    const items: (ast.HandlerDeclaration | ast.InBlock)[] = [];
    while (!this.#accept('}')) {
      items.push(this.#is('in') ? this.#inBlock() : this.#handler());
      this.#accept(';');
    }
    return { kind: 'in', span: this.#since(start), states: set, items };
  }

  #interrupt(start: number): ast.Item {
    this.#next();
    this.#expect('{');
    let cause: ast.Name | undefined;
    let causeValue: ast.Name | undefined;
    let causeWhen: ast.Expression | undefined;
    let acknowledge: { event: 'read' | 'write'; register: ast.Name } | undefined;
    let mask: readonly ast.StepDeclaration[] = [];
    let deadline: ast.Expression | undefined;
    let rate: ast.Expression | undefined;
    let burst: ast.Expression | undefined;
    const clauses: ast.Name[] = [];
    while (!this.#accept('}')) {
      const word = this.#next();
      const clause = (text: string): number => clauses.push({ ...this.#nameOf(word), text });
      if (word.text === 'cause') {
        clause('cause');
        cause = this.#name();
        causeValue = this.#bound('(', ')');
        if (causeValue !== undefined) {
          this.#expect('when');
          causeWhen = this.#expression();
        }
      } else if (word.text === 'acknowledge' && this.#accept('within')) {
        clause('acknowledge within');
        deadline = this.#integer();
      } else if (word.text === 'acknowledge') {
        clause('acknowledge');
        const event = this.#is('read') ? this.#expect('read') : this.#expect('write');
        acknowledge = { event: event.text as 'read' | 'write', register: this.#name() };
      } else if (word.text === 'mask') {
        clause('mask');
        mask = this.#steps();
      } else if (word.text === 'at') {
        clause('at most');
        this.#expect('most');
        rate = this.#integer();
        this.#expect('per');
        this.#expect('second');
        burst = this.#optional('burst', () => this.#integer());
      } else this.#fail('a clause of an interrupt');
      if (!this.#accept(';')) this.#accept(',');
    }
    const span = this.#since(start);
    return { kind: 'interrupt', span, cause, causeValue, causeWhen, acknowledge, mask, deadline, rate, burst, clauses };
  }

  #invariant(start: number): ast.Item {
    this.#next();
    const text = this.#text();
    this.#expect('{');
    const condition = this.#expression();
    this.#expect('}');
    return { kind: 'invariant', span: this.#since(start), text: text.text.slice(1, -1), condition };
  }

  #text(): Token {
    return this.#token.kind === 'text' ? this.#next() : this.#fail('a text');
  }

  // ---- steps and statements --------------------------------------------------------------------------------------------

  #steps(): ast.StepDeclaration[] {
    this.#expect('{');
    const steps: ast.StepDeclaration[] = [];
    while (!this.#accept('}')) {
      steps.push(this.#step());
      this.#accept(';');
    }
    return steps;
  }

  #elementIndex(): ast.Expression {
    this.#expect('[');
    const index = this.#expression();
    this.#expect(']');
    return index;
  }

  #stepTarget(): ast.StepTarget {
    const register = this.#name();
    const index = this.#is('[') ? this.#elementIndex() : undefined;
    const members: ast.Name[] = [];
    while (this.#accept('.')) members.push(this.#name());
    return { register, index, members };
  }

  #step(): ast.StepDeclaration {
    const { start } = this.#token;
    if (this.#accept('write')) {
      const target = this.#stepTarget();
      this.#expect('=');
      const value = this.#expression();
      return { kind: 'write', span: this.#since(start), ...target, value };
    }
    if (this.#accept('read')) {
      const target = this.#stepTarget();
      return { kind: 'read', span: this.#since(start), ...target };
    }
    if (this.#accept('delay')) {
      const time = this.#integer();
      return { kind: 'delay', span: this.#since(start), time };
    }
    this.#expect('wait');
    this.#expect('until');
    const target = this.#stepTarget();
    this.#expect('==');
    const equals = this.#integer();
    this.#expect('for');
    this.#expect('at');
    this.#expect('most');
    const timeout = this.#integer();
    return { kind: 'wait', span: this.#since(start), ...target, equals, timeout };
  }

  #block(): ast.Statement[] {
    this.#expect('{');
    const statements: ast.Statement[] = [];
    while (!this.#accept('}')) {
      statements.push(this.#statement());
      this.#accept(';');
    }
    return statements;
  }

  #statement(): ast.Statement {
    const { start, kind } = this.#token;
    if (kind === 'keyword') {
      switch (this.#token.text) {
        case 'require': return this.#require(start);
        case 'deny': return this.#deny(start);
        case 'let': return this.#let(start);
        case 'if': return this.#if(start);
        case 'for': return this.#for(start);
      } // prettier-ignore
    }
    // `check` is a name too: another name must follow.
    if (this.#is('check') && /^\w/.test(this.#tokens[this.#at + 1]?.text ?? '')) return this.#check(start);
    return this.#change(start);
  }

  #check(start: number): ast.Statement {
    this.#next();
    const name = this.#name();
    const args: ast.Expression[] = [];
    this.#list(() => args.push(this.#expression()));
    return { kind: 'check', span: this.#since(start), name, args };
  }

  #checkDeclaration(start: number): ast.Item {
    this.#next();
    const name = this.#name();
    const parameters: ast.CheckParameter[] = [];
    this.#list(() => {
      const parameter = this.#name();
      parameters.push({ name: parameter, struct: this.#accept(':') ? this.#name() : undefined });
    });
    const body = this.#block();
    return { kind: 'check', span: this.#since(start), name, parameters, body };
  }

  /** `( each, each )` */
  #list(each: () => void): void {
    this.#expect('(');
    while (!this.#accept(')')) {
      each();
      if (!this.#is(')')) this.#expect(',');
    }
  }

  #action(): ast.Name | undefined {
    if (!this.#accept('else')) return undefined;
    return this.#is('deny') ? this.#nameOf(this.#next()) : this.#name();
  }

  #require(start: number): ast.Statement {
    this.#next();
    const condition = this.#expression();
    const reason = this.#text();
    const action = this.#action();
    return {
      kind: 'require',
      span: this.#since(start),
      condition,
      reason: reason.text.slice(1, -1),
      reasonSpan: { start: reason.start, end: reason.end },
      action,
    };
  }

  #deny(start: number): ast.Statement {
    this.#next();
    const reason = this.#text().text.slice(1, -1);
    const action = this.#action();
    return { kind: 'deny', span: this.#since(start), reason, action };
  }

  #let(start: number): ast.Statement {
    this.#next();
    const name = this.#name();
    this.#expect('=');
    const value = this.#expression();
    return { kind: 'let', span: this.#since(start), name, value };
  }

  #if(start: number): ast.Statement {
    this.#next();
    const condition = this.#expression();
    const consequent = this.#block();
    let alternative: ast.Statement[] = [];
    if (this.#accept('else')) alternative = this.#is('if') ? [this.#if(this.#token.start)] : this.#block();
    return { kind: 'if', span: this.#since(start), condition, consequent, alternative };
  }

  #for(start: number): ast.Statement {
    this.#next();
    const item = this.#name();
    this.#expect('in');
    const ring = this.#name();
    this.#expect('[');
    const from = this.#expression();
    this.#expect('..<');
    const to = this.#expression();
    this.#expect(']');
    const body = this.#block();
    return { kind: 'for', span: this.#since(start), item, ring, from, to, body };
  }

  #change(start: number): ast.Statement {
    const target = this.#postfix();
    if (this.#accept('=')) {
      const value = this.#expression();
      return { kind: 'assign', span: this.#since(start), target, value };
    }
    this.#expect('->');
    const state = this.#name();
    const machine = target.kind === 'name' ? target.name : { span: target.span, text: '' };
    return { kind: 'transition', span: this.#since(start), machine, target, state };
  }

  // ---- expressions -----------------------------------------------------------------------------------------------------

  #expression(loosest = 1): ast.Expression {
    let left = this.#operand();
    for (;;) {
      const { text, kind } = this.#token;
      const binding = kind === 'symbol' || kind === 'keyword' ? binary[text] : undefined;
      if (binding === undefined || binding < loosest) return left;
      const operator = this.#next();
      const right = this.#expression(text === 'implies' ? binding : binding + 1);
      left = {
        kind: 'binary',
        span: { start: left.span.start, end: right.span.end },
        operator: text as ast.BinaryOperator,
        operatorSpan: { start: operator.start, end: operator.end },
        left,
        right,
      };
    }
  }

  #operand(): ast.Expression {
    const { start, kind, text } = this.#token;
    if (kind === 'keyword' && text === 'not') {
      this.#next();
      const operand = this.#operand();
      return { kind: 'unary', span: this.#since(start), operator: 'not', operand };
    }
    if (kind === 'symbol' && text === '~') {
      this.#next();
      const operand = this.#operand();
      return { kind: 'unary', span: this.#since(start), operator: '~', operand };
    }
    if (kind === 'keyword' && text === 'if') {
      this.#next();
      const condition = this.#expression();
      this.#expect('then');
      const consequent = this.#expression();
      this.#expect('else');
      const alternative = this.#expression();
      return { kind: 'choice', span: this.#since(start), condition, consequent, alternative };
    }
    return this.#postfix();
  }

  #postfix(): ast.Expression {
    let of = this.#primary();
    for (;;) {
      const { start } = of.span;
      if (this.#accept('.')) {
        const member = this.#name();
        of = { kind: 'member', span: { start, end: member.span.end }, of, member };
      } else if (this.#accept('[')) {
        const index = this.#expression();
        const low = this.#optional(':', () => this.#expression());
        const { end } = this.#expect(']');
        of =
          low === undefined
            ? { kind: 'index', span: { start, end }, of, index }
            : { kind: 'slice', span: { start, end }, of, high: index, low };
      } else if (this.#accept('(')) {
        const args: ast.Expression[] = [];
        if (!this.#is(')')) {
          do args.push(this.#expression());
          while (this.#accept(','));
        }
        const { end } = this.#expect(')');
        of = { kind: 'call', span: { start, end }, callee: of, args };
      } else return of;
    }
  }

  #primary(): ast.Expression {
    const { kind, text, start, end } = this.#token;
    if (kind === 'number') return this.#integer();
    if (kind === 'keyword' && (text === 'true' || text === 'false')) {
      this.#next();
      return { kind: 'boolean', span: { start, end }, value: text === 'true' };
    }
    if (this.#accept('(')) {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    const name = this.#name();
    return { kind: 'name', span: name.span, name };
  }

  #integer(): ast.Expression {
    if (this.#token.kind !== 'number') this.#fail('a number');
    const { start, end, text } = this.#next();
    return { kind: 'integer', span: { start, end }, value: valueOf(text) };
  }
}

const units: readonly (readonly [suffix: string, factor: bigint])[] = [
  ['us', 1n],
  ['ms', 1000n],
  ['s', 1_000_000n],
  ['K', 1024n],
  ['M', 1024n ** 2n],
  ['G', 1024n ** 3n],
];

/** @throws SyntaxError if the digits make no number */
function valueOf(text: string): bigint {
  const unit = units.find(([suffix]) => text.endsWith(suffix));
  const digits = unit === undefined ? text : text.slice(0, -unit[0].length);
  return BigInt(digits.includes('_') ? digits.replaceAll('_', '') : digits) * (unit?.[1] ?? 1n);
}
