/**
 * The grammar of handlers' bodies.
 */
import { tokenMatcher, type IOrAlt } from 'chevrotain';
import type { Action, CheckParameter, Expression, Item, Name, Statement } from '../ast.ts';
import { join } from '../source.ts';
import {
  Arrow,
  Assign,
  Close,
  CloseRound,
  Colon,
  Comma,
  Dot,
  K,
  NameToken,
  Open,
  OpenRound,
  Semicolon,
  Text,
} from '../tokens.ts';
import { noExpression, noName, orElse, spanOf } from './leaves.ts';
import { unreadWalk, WalkParser } from './walks.ts';

export abstract class StatementParser extends WalkParser {
  protected block = this.RULE(
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

  protected statement = this.RULE('statement', (): Statement => this.OR({ MAX_LOOKAHEAD: 1, DEF: this.statements }));

  private readonly statements: IOrAlt<Statement>[] = [
    { ALT: () => this.SUBRULE(this.requireClause) },
    { ALT: () => this.SUBRULE(this.denyClause) },
    { ALT: () => this.SUBRULE(this.letClause) },
    { ALT: () => this.SUBRULE(this.mutClause) },
    { ALT: () => this.SUBRULE(this.ifStatement) },
    { ALT: () => this.SUBRULE(this.forStatement) },
    { ALT: () => this.OR1({ MAX_LOOKAHEAD: 1, DEF: this.namedFirst }) },
  ];

  /** The words that begin these clauses are names too (`count = 0`): another name must follow. */
  private readonly namedFirst: IOrAlt<Statement>[] = [
    { GATE: () => this.nameFollows(), ALT: () => this.OR2(this.clauses), IGNORE_AMBIGUITIES: true },
    { ALT: () => this.SUBRULE(this.change) },
  ];

  private readonly clauses: IOrAlt<Statement>[] = [
    { ALT: () => this.SUBRULE(this.countClause) },
    { ALT: () => this.SUBRULE(this.forgetClause) },
    { ALT: () => this.SUBRULE(this.clockClause) },
    { ALT: () => this.SUBRULE(this.spendClause) },
    { ALT: () => this.SUBRULE(this.checkClause) },
  ];

  protected nameFollows(): boolean {
    return tokenMatcher(this.LA(2), NameToken);
  }

  protected requireClause = this.RULE('requireClause', (): Statement => {
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

  protected denyClause = this.RULE('denyClause', (): Statement => {
    const first = this.CONSUME(K.deny);
    const reason = this.CONSUME(Text);
    const action = this.OPTION(() => {
      this.CONSUME(K.else);
      return this.SUBRULE(this.action);
    });
    return { kind: 'deny', span: this.since(first), reason: reason.image.slice(1, -1), action };
  });

  protected action = this.RULE(
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

  protected countClause = this.RULE('countClause', (): Statement => {
    const first = this.CONSUME(K.count);
    const target = this.SUBRULE(this.place);
    const by = this.OPTION(() => {
      this.CONSUME(K.by);
      return this.SUBRULE(this.expression);
    });
    return { kind: 'count', span: this.since(first), target, by };
  });

  protected forgetClause = this.RULE('forgetClause', (): Statement => {
    const first = this.CONSUME(K.forget);
    const registers: Expression[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => registers.push(this.SUBRULE(this.place)) });
    return { kind: 'forget', span: this.since(first), registers };
  });

  protected clockClause = this.RULE('clockClause', (): Statement => {
    const word = this.OR([{ ALT: () => this.CONSUME(K.start) }, { ALT: () => this.CONSUME(K.stop) }]);
    const clock = this.SUBRULE(this.place);
    return { kind: word.image as 'start' | 'stop', span: this.since(word), clock };
  });

  protected spendClause = this.RULE('spendClause', (): Statement => {
    const first = this.CONSUME(K.spend);
    const rate = this.SUBRULE(this.place);
    return { kind: 'spend', span: this.since(first), rate };
  });

  protected checkClause = this.RULE('checkClause', (): Statement => {
    const first = this.CONSUME(K.check);
    const name = this.SUBRULE(this.name);
    const args: Expression[] = [];
    this.CONSUME(OpenRound);
    this.MANY_SEP({ SEP: Comma, DEF: () => args.push(this.SUBRULE(this.expression)) });
    this.CONSUME(CloseRound);
    return { kind: 'check', span: this.since(first), name, args };
  });

  protected checkDeclaration = this.RULE('checkDeclaration', (): Item => {
    const first = this.CONSUME(K.check);
    const name = this.SUBRULE(this.name);
    const parameters: CheckParameter[] = [];
    this.CONSUME(OpenRound);
    this.MANY_SEP({ SEP: Comma, DEF: () => parameters.push(this.SUBRULE(this.checkParameter)) });
    this.CONSUME(CloseRound);
    const body = this.SUBRULE(this.block);
    return { kind: 'check', span: this.since(first), name, parameters, body };
  });

  protected checkParameter = this.RULE(
    'checkParameter',
    (): CheckParameter => {
      const name = this.SUBRULE(this.name);
      const struct = this.OPTION(() => {
        this.CONSUME(Colon);
        return this.SUBRULE1(this.name);
      });
      return { name, struct };
    },
    orElse({ name: noName, struct: undefined }),
  );

  /** What such a statement is about: `NAME`, `NAME[i]`, `NAME[i].MEMBER`. */
  protected place = this.RULE(
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

  protected letClause = this.RULE('letClause', (): Statement => {
    const first = this.CONSUME(K.let);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Assign);
    const value = this.SUBRULE(this.expression);
    return { kind: 'let', span: this.since(first), name, value };
  });

  protected ifStatement = this.RULE('ifStatement', (): Statement => {
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

  protected forStatement = this.RULE('forStatement', (): Statement => {
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

  protected mutClause = this.RULE('mutClause', (): Statement => {
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

  protected change = this.RULE('change', (): Statement => {
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
}
