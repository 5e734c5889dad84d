/**
 * The grammar of what the monitor remembers and holds to: constants, tables, machines, variables, counters, rings, time,
 * what is frozen, invariants.
 */
import type { IToken } from 'chevrotain';
import type { Action, Expression, Item, Name } from '../ast.ts';
import type { Span } from '../source.ts';
import { Assign, Close, Colon, Comma, K, Open, Text, UpTo } from '../tokens.ts';
import { orElse } from './leaves.ts';
import { RegisterParser } from './registers.ts';

export abstract class StateParser extends RegisterParser {
  protected constant = this.RULE('constant', (): Item => {
    const first = this.CONSUME(K.const);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Assign);
    const value = this.SUBRULE(this.expression);
    return { kind: 'const', span: this.since(first), name, value };
  });

  protected machine = this.RULE('machine', (): Item => {
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

  protected variable = this.RULE('variable', (): Item => {
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

  protected counter = this.RULE('counter', (): Item => {
    const first = this.CONSUME(K.counter);
    const name = this.SUBRULE(this.name);
    const word = this.OR([{ ALT: () => this.CONSUME(K.modulo) }, { ALT: () => this.CONSUME(K.saturating) }]);
    const end = word.image as 'modulo' | 'saturating';
    const limit = this.SUBRULE(this.expression);
    return { kind: 'counter', span: this.since(first), name, end, limit };
  });

  protected table = this.RULE('table', (): Item => {
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

  protected ring = this.RULE('ring', (): Item => {
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

  /** `"reason"`, and what then happens. */
  protected refusal = this.RULE(
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

  protected freeze = this.RULE('freeze', (): Item => {
    const first = this.CONSUME(K.freeze);
    const registers: Name[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => registers.push(this.SUBRULE(this.name)) });
    this.CONSUME(K.when);
    const when = this.SUBRULE(this.expression);
    const { reason, action } = this.SUBRULE(this.refusal);
    return { kind: 'freeze', span: this.since(first), registers, when, reason, action };
  });

  protected frozen = this.RULE('frozen', (): Item => {
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

  protected clock = this.RULE('clock', (): Item => {
    const first = this.CONSUME(K.clock);
    const name = this.SUBRULE(this.name);
    return { kind: 'clock', span: this.since(first), name };
  });

  protected deadline = this.RULE('deadline', (): Item => {
    const first = this.CONSUME(K.deadline);
    const name = this.SUBRULE(this.name);
    const time = this.SUBRULE(this.expression);
    const { reason, action } = this.SUBRULE(this.refusal);
    return { kind: 'deadline', span: this.since(first), name, time, reason, action };
  });

  protected rate = this.RULE('rate', (): Item => {
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

  protected invariant = this.RULE('invariant', (): Item => {
    const first = this.LA(1);
    this.OR([{ ALT: () => this.CONSUME(K.invariant) }, { ALT: () => this.CONSUME(K.property) }]);
    const text = this.CONSUME(Text);
    this.CONSUME(Open);
    const condition = this.SUBRULE(this.expression);
    this.CONSUME(Close);
    return { kind: 'invariant', span: this.since(first), text: text.image.slice(1, -1), condition };
  });
}
