/** Handlers, interrupts and steps, read by hand. */
import type * as ast from '../../../dsslang/ast.ts';
import type { Span } from '../../../dsslang/source.ts';
import { HandState } from './state.ts';

const deviceEvents = new Set(['grant', 'store', 'interrupt', 'tick']);

export abstract class HandEvents extends HandState {
  protected pool(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect(':');
    const struct = this.name();
    const filled = this.optional('filled', () => this.expression());
    this.expect('on');
    this.expect('store');
    this.expect('(');
    const before = this.name();
    this.expect(',');
    const after = this.name();
    this.expect(')');
    const body = this.block();
    return { kind: 'pool', span: this.since(start), name, struct, filled, before, after, body };
  }

  protected handler(): ast.HandlerDeclaration | ast.EventDeclaration {
    const { start } = this.expect('on');
    const event = this.next();
    const eventSpan = { start: event.start, end: event.end };
    if (event.text === 'write' || event.text === 'read' || event.text === 'report') {
      const register = this.name();
      const index = this.bound('[', ']');
      const value = this.bound('(', ')');
      const body = this.block();
      return { kind: 'handler', span: this.since(start), event: event.text, eventSpan, register, index, value, body };
    }
    if (!deviceEvents.has(event.text)) this.fail('an event');
    const parameters: ast.Name[] = [];
    if (this.accept('(')) {
      do parameters.push(this.name());
      while (this.accept(','));
      this.expect(')');
    }
    const body = this.block();
    return {
      kind: 'event',
      span: this.since(start),
      event: event.text as ast.DeviceEvent,
      eventSpan,
      parameters,
      body,
    };
  }

  protected bound(open: string, close: string): ast.Name | undefined {
    if (!this.accept(open)) return undefined;
    const name = this.name();
    this.expect(close);
    return name;
  }

  protected inBlock(): ast.InBlock {
    const { start } = this.expect('in');
    const first = this.token.start;
    const states: { machine: ast.Name; state: ast.Name; span: Span }[] = [];
    do {
      const begin = this.token.start;
      const machine = this.name();
      this.expect('.');
      const state = this.name();
      states.push({ machine, state, span: this.since(begin) });
    } while (this.accept('|'));
    const set = { span: this.since(first), states };
    this.expect('{');
    const items: (ast.HandlerDeclaration | ast.EventDeclaration | ast.InBlock)[] = [];
    while (!this.accept('}')) {
      items.push(this.is('in') ? this.inBlock() : this.handler());
      this.accept(';');
    }
    return { kind: 'in', span: this.since(start), states: set, items };
  }

  protected interrupt(start: number): ast.Item {
    this.next();
    this.expect('{');
    let cause: ast.Name | undefined;
    let causeValue: ast.Name | undefined;
    let causeWhen: ast.Expression | undefined;
    let acknowledge: { event: 'read' | 'write'; register: ast.Name } | undefined;
    let mask: readonly ast.StepDeclaration[] = [];
    let deadline: ast.Expression | undefined;
    let rate: ast.Expression | undefined;
    let burst: ast.Expression | undefined;
    const clauses: ast.Name[] = [];
    while (!this.accept('}')) {
      const word = this.next();
      const clause = (text: string): number => clauses.push({ ...this.nameOf(word), text });
      if (word.text === 'cause') {
        clause('cause');
        cause = this.name();
        causeValue = this.bound('(', ')');
        if (causeValue !== undefined) {
          this.expect('when');
          causeWhen = this.expression();
        }
      } else if (word.text === 'acknowledge' && this.accept('within')) {
        clause('acknowledge within');
        deadline = this.integer();
      } else if (word.text === 'acknowledge') {
        clause('acknowledge');
        const event = this.is('read') ? this.expect('read') : this.expect('write');
        acknowledge = { event: event.text as 'read' | 'write', register: this.name() };
      } else if (word.text === 'mask') {
        clause('mask');
        mask = this.steps();
      } else if (word.text === 'at') {
        clause('at most');
        this.expect('most');
        rate = this.integer();
        this.expect('per');
        this.expect('second');
        burst = this.optional('burst', () => this.integer());
      } else this.fail('a clause of an interrupt');
      if (!this.accept(';')) this.accept(',');
    }
    const span = this.since(start);
    return { kind: 'interrupt', span, cause, causeValue, causeWhen, acknowledge, mask, deadline, rate, burst, clauses };
  }

  protected reset(start: number): ast.Item {
    this.next();
    const steps = this.steps();
    return { kind: 'reset', span: this.since(start), steps };
  }

  protected steps(): ast.StepDeclaration[] {
    this.expect('{');
    const steps: ast.StepDeclaration[] = [];
    while (!this.accept('}')) {
      steps.push(this.step());
      this.accept(';');
    }
    return steps;
  }

  protected stepTarget(): ast.StepTarget {
    const register = this.name();
    const index = this.is('[') ? this.elementIndex() : undefined;
    const members: ast.Name[] = [];
    while (this.accept('.')) members.push(this.name());
    return { register, index, members };
  }

  protected step(): ast.StepDeclaration {
    const { start } = this.token;
    if (this.accept('write')) {
      const target = this.stepTarget();
      this.expect('=');
      const value = this.expression();
      return { kind: 'write', span: this.since(start), ...target, value };
    }
    if (this.accept('read')) {
      const target = this.stepTarget();
      return { kind: 'read', span: this.since(start), ...target };
    }
    if (this.accept('delay')) {
      const time = this.integer();
      return { kind: 'delay', span: this.since(start), time };
    }
    this.expect('wait');
    this.expect('until');
    const target = this.stepTarget();
    this.expect('==');
    const equals = this.integer();
    this.expect('for');
    this.expect('at');
    this.expect('most');
    const timeout = this.integer();
    return { kind: 'wait', span: this.since(start), ...target, equals, timeout };
  }
}
