/** What a monitor remembers and holds to, read by hand. */
import type * as ast from '../../../dsslang/ast.ts';
import type { Span } from '../../../dsslang/source.ts';
import { HandRegisters } from './registers.ts';

export abstract class HandState extends HandRegisters {
  protected constant(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect('=');
    const value = this.expression();
    return { kind: 'const', span: this.since(start), name, value };
  }

  protected machine(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect('{');
    const states: ast.Name[] = [];
    do {
      states.push(this.name());
      this.accept(',');
    } while (!this.accept('}'));
    return { kind: 'machine', span: this.since(start), name, states };
  }

  protected variable(start: number): ast.Item {
    this.next();
    const name = this.name();
    const count = this.is('[') ? this.elementIndex() : undefined;
    this.expect(':');
    const type = this.type();
    const max = this.optional('max', () => this.expression());
    const initial = this.optional('=', () => this.expression());
    return { kind: 'var', span: this.since(start), name, count, type, max, initial };
  }

  protected counter(start: number): ast.Item {
    this.next();
    const name = this.name();
    const end = this.accept('modulo') ? 'modulo' : 'saturating';
    if (end === 'saturating') this.expect('saturating');
    const limit = this.expression();
    return { kind: 'counter', span: this.since(start), name, end, limit };
  }

  protected table(start: number): ast.Item {
    this.next();
    const name = this.name();
    const count = this.elementIndex();
    this.expect(':');
    const type = this.type();
    this.expect('=');
    this.expect('{');
    const entries: { span: Span; index: ast.Expression; value: ast.Expression }[] = [];
    while (!this.is('else') && !this.is('}')) {
      const begin = this.token.start;
      const index = this.expression();
      this.expect(':');
      const value = this.expression();
      entries.push({ span: this.since(begin), index, value });
      this.accept(',');
    }
    const otherwise = this.optional('else', () => this.expression());
    this.expect('}');
    return { kind: 'table', span: this.since(start), name, count, type, entries, otherwise };
  }

  protected ring(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect(':');
    const struct = this.name();
    this.expect('{');
    let base: ast.Expression | undefined;
    let count: ast.Expression | undefined;
    let owned: { from: ast.Expression; to: ast.Expression; span: Span } | undefined;
    let when: ast.Expression | undefined;
    let head: ast.Name | undefined;
    const clauses: ast.Name[] = [];
    while (!this.accept('}')) {
      const word = this.next();
      clauses.push(this.nameOf(word));
      if (word.text === 'base') base = this.expression();
      else if (word.text === 'count') count = this.expression();
      else if (word.text === 'head') head = this.name();
      else if (word.text === 'owned') {
        const from = this.expression();
        this.expect('..<');
        const to = this.expression();
        owned = { from, to, span: this.since(word.start) };
        if (this.accept('when')) when = this.expression();
      } else this.fail('a clause of a ring');
      this.accept(',');
    }
    return { kind: 'ring', span: this.since(start), name, struct, base, count, owned, when, head, clauses };
  }

  protected refusal(): { reason: string; action: ast.Action | undefined } {
    const reason = this.text().text.slice(1, -1);
    return { reason, action: this.action() };
  }

  protected freeze(start: number): ast.Item {
    this.next();
    const registers: ast.Name[] = [];
    do registers.push(this.name());
    while (this.accept(','));
    this.expect('when');
    const when = this.expression();
    const refusal = this.refusal();
    return { kind: 'freeze', span: this.since(start), registers, when, ...refusal };
  }

  protected frozen(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect('from');
    const from = this.expression();
    this.expect('size');
    const size = this.expression();
    this.expect('when');
    const when = this.expression();
    const reason = this.text().text.slice(1, -1);
    return { kind: 'frozen', span: this.since(start), name, from, size, when, reason };
  }

  protected clock(start: number): ast.Item {
    this.next();
    const name = this.name();
    return { kind: 'clock', span: this.since(start), name };
  }

  protected deadline(start: number): ast.Item {
    this.next();
    const name = this.name();
    const time = this.expression();
    const refusal = this.refusal();
    return { kind: 'deadline', span: this.since(start), name, time, ...refusal };
  }

  protected rate(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect('at');
    this.expect('most');
    const rate = this.expression();
    this.expect('per');
    this.expect('second');
    const burst = this.optional('burst', () => this.expression());
    const refusal = this.refusal();
    return { kind: 'rate', span: this.since(start), name, rate, burst, ...refusal };
  }

  protected invariant(start: number): ast.Item {
    this.next();
    const text = this.text();
    this.expect('{');
    const condition = this.expression();
    this.expect('}');
    return { kind: 'invariant', span: this.since(start), text: text.text.slice(1, -1), condition };
  }
}
