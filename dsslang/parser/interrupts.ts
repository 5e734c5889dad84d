/**
 * The grammar of interrupts, and of the steps that silence or reset a device.
 */
import type { IToken } from 'chevrotain';
import type { Expression, Item, Name, StepDeclaration, StepTarget } from '../ast.ts';
import { Assign, Close, CloseRound, Comma, Dot, Equal, K, Open, OpenRound, Semicolon } from '../tokens.ts';
import { EventParser } from './events.ts';
import { noName, orElse, spanOf } from './leaves.ts';

export abstract class InterruptParser extends EventParser {
  protected interrupt = this.RULE('interrupt', (): Item => {
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

  protected resetClause = this.RULE('resetClause', (): Item => {
    const first = this.CONSUME(K.reset);
    const steps = this.SUBRULE(this.steps);
    return { kind: 'reset', span: this.since(first), steps };
  });

  protected steps = this.RULE(
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

  protected stepTarget = this.RULE(
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

  protected step = this.RULE('step', (): StepDeclaration => {
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
}
