/**
 * The grammar of names, types and expressions. Precedence is climbed over a flat list of operands (`../precedence.ts`).
 */
import type { Expression, Name, TypeNode } from '../ast.ts';
import { climb, type OperatorToken } from '../precedence.ts';
import { join } from '../source.ts';
import {
  BinaryOperatorToken,
  CloseRound,
  CloseSquare,
  Colon,
  Comma,
  Dot,
  Integer,
  K,
  NameToken,
  OpenRound,
  OpenSquare,
  Tilde,
  Type,
} from '../tokens.ts';
import { CHAIN_MAX, integerValue, noExpression, noName, nowhere, orElse, spanOf } from './leaves.ts';
import { RecoveringParser } from './recovery.ts';

export abstract class ExpressionParser extends RecoveringParser {
  protected name = this.RULE('name', (): Name => this.nameNode(this.CONSUME(NameToken)), orElse(noName));

  protected type = this.RULE(
    'type',
    (): TypeNode => {
      const token = this.CONSUME(Type);
      return { span: spanOf(token), bits: this.ACTION(() => Number(token.image.slice(1))) };
    },
    orElse({ span: nowhere, bits: 0 }),
  );

  protected integer = this.RULE(
    'integer',
    (): Expression => {
      const token = this.CONSUME(Integer);
      return { kind: 'integer', span: spanOf(token), value: this.ACTION(() => integerValue(token.image)) };
    },
    orElse(noExpression),
  );

  protected expression = this.RULE(
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

  protected operand = this.RULE(
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

  protected postfix = this.RULE(
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

  protected primary = this.RULE(
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

  protected elementIndex = this.RULE(
    'elementIndex',
    (): Expression => {
      this.CONSUME(OpenSquare);
      const index = this.SUBRULE(this.expression);
      this.CONSUME(CloseSquare);
      return index;
    },
    orElse(noExpression),
  );
}
