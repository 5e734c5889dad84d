/** Bodies of handlers, read by hand. */
import type * as ast from '../../../dsslang/ast.ts';
import { HandExpressions } from './expressions.ts';

export abstract class HandStatements extends HandExpressions {
  protected block(): ast.Statement[] {
    this.expect('{');
    const statements: ast.Statement[] = [];
    while (!this.accept('}')) {
      statements.push(this.statement());
      this.accept(';');
    }
    return statements;
  }

  protected statement(): ast.Statement {
    const { start, kind, text } = this.token;
    if (kind !== 'keyword') return this.change(start);
    switch (text) {
      case 'require': return this.require(start);
      case 'deny': return this.deny(start);
      case 'let': return this.let(start);
      case 'mut': return this.mut(start);
      case 'if': return this.if(start);
      case 'for': return this.for(start);
    } // prettier-ignore
    // These words are names too (`count = 0`): another name must follow.
    if (this.isName(1)) {
      switch (text) {
        case 'count': return this.count(start);
        case 'forget': return this.forget(start);
        case 'start':
        case 'stop': return this.startOrStop(start, text);
        case 'spend': return this.spend(start);
        case 'check': return this.check(start);
      } // prettier-ignore
    }
    return this.change(start);
  }

  protected action(): ast.Action | undefined {
    if (!this.accept('else')) return undefined;
    if (this.is('deny')) return this.nameOf(this.next());
    if (this.is('clamp')) return { ...this.nameOf(this.next()), value: this.expression() };
    return this.name();
  }

  protected require(start: number): ast.Statement {
    this.next();
    const condition = this.expression();
    const reason = this.text();
    const action = this.action();
    return {
      kind: 'require',
      span: this.since(start),
      condition,
      reason: reason.text.slice(1, -1),
      reasonSpan: { start: reason.start, end: reason.end },
      action,
    };
  }

  protected deny(start: number): ast.Statement {
    this.next();
    const reason = this.text().text.slice(1, -1);
    const action = this.action();
    return { kind: 'deny', span: this.since(start), reason, action };
  }

  protected let(start: number): ast.Statement {
    this.next();
    const name = this.name();
    this.expect('=');
    const value = this.expression();
    return { kind: 'let', span: this.since(start), name, value };
  }

  private mut(start: number): ast.Statement {
    this.next();
    const name = this.name();
    this.expect(':');
    const type = this.type();
    const max = this.optional('max', () => this.expression());
    this.expect('=');
    const initial = this.expression();
    return { kind: 'mut', span: this.since(start), name, type, max, initial };
  }

  protected if(start: number): ast.Statement {
    this.next();
    const condition = this.expression();
    const consequent = this.block();
    let alternative: ast.Statement[] = [];
    if (this.accept('else')) alternative = this.is('if') ? [this.if(this.token.start)] : this.block();
    return { kind: 'if', span: this.since(start), condition, consequent, alternative };
  }

  private for(start: number): ast.Statement {
    this.next();
    const item = this.name();
    this.expect('in');
    const over = this.name();
    if (this.accept('at')) return this.walk(start, item, over);
    this.expect('[');
    const from = this.expression();
    this.expect('..<');
    const to = this.expression();
    this.expect(']');
    const body = this.block();
    return { kind: 'for', span: this.since(start), item, ring: over, from, to, body };
  }

  /** A table, or a linked list. */
  private walk(start: number, item: ast.Name, struct: ast.Name): ast.Statement {
    const base = this.expression();
    if (this.accept('next')) {
      const next = this.expression();
      this.expect('while');
      const more = this.expression();
      const most = this.atMost() ?? this.fail('`at most`');
      const body = this.block();
      return { kind: 'list', span: this.since(start), item, struct, first: base, next, more, most, body };
    }
    const count = this.optional('count', () => this.expression());
    const most = this.atMost();
    const until = this.optional('until', () => this.expression());
    const body = this.block();
    return { kind: 'table', span: this.since(start), item, struct, base, count, most, until, body };
  }

  private atMost(): ast.Expression | undefined {
    if (!this.accept('at')) return undefined;
    this.expect('most');
    return this.expression();
  }

  protected change(start: number): ast.Statement {
    const target = this.postfix();
    if (this.accept('=')) {
      const value = this.expression();
      return { kind: 'assign', span: this.since(start), target, value };
    }
    this.expect('->');
    const state = this.name();
    const machine = target.kind === 'name' ? target.name : { span: target.span, text: '' };
    return { kind: 'transition', span: this.since(start), machine, target, state };
  }

  /** `NAME`, `NAME[i]`, `NAME[i].MEMBER`. */
  private place(): ast.Expression {
    const name = this.name();
    const { start } = name.span;
    let of: ast.Expression = { kind: 'name', span: name.span, name };
    if (!this.is('[')) return of;
    const index = this.elementIndex();
    of = { kind: 'index', span: this.since(start), of, index };
    if (!this.accept('.')) return of;
    const member = this.name();
    return { kind: 'member', span: this.since(start), of, member };
  }

  private count(start: number): ast.Statement {
    this.next();
    const target = this.place();
    const by = this.optional('by', () => this.expression());
    return { kind: 'count', span: this.since(start), target, by };
  }

  private forget(start: number): ast.Statement {
    this.next();
    const registers: ast.Expression[] = [];
    do registers.push(this.place());
    while (this.accept(','));
    return { kind: 'forget', span: this.since(start), registers };
  }

  private startOrStop(start: number, kind: 'start' | 'stop'): ast.Statement {
    this.next();
    const clock = this.place();
    return { kind, span: this.since(start), clock };
  }

  private spend(start: number): ast.Statement {
    this.next();
    const rate = this.place();
    return { kind: 'spend', span: this.since(start), rate };
  }

  private check(start: number): ast.Statement {
    this.next();
    const name = this.name();
    this.expect('(');
    const args = this.args();
    return { kind: 'check', span: this.since(start), name, args };
  }

  protected checkDeclaration(start: number): ast.Item {
    this.next();
    const name = this.name();
    const parameters: ast.CheckParameter[] = [];
    this.expect('(');
    if (!this.is(')')) {
      do {
        const parameter = this.name();
        const struct = this.optional(':', () => this.name());
        parameters.push({ name: parameter, struct });
      } while (this.accept(','));
    }
    this.expect(')');
    const body = this.block();
    return { kind: 'check', span: this.since(start), name, parameters, body };
  }
}
