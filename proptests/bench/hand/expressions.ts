/** Types and expressions, read by hand: operators by precedence climbing. */
import type * as ast from '../../../dsslang/ast.ts';
import { precedence } from '../../../dsslang/precedence.ts';
import { HandCursor } from './cursor.ts';

const binary: Readonly<Record<string, number>> = precedence;

export abstract class HandExpressions extends HandCursor {
  protected type(): ast.TypeNode {
    if (this.token.kind !== 'type') this.fail('a type');
    const token = this.next();
    return { span: { start: token.start, end: token.end }, bits: Number(token.text.slice(1)) };
  }

  protected integer(): ast.Expression {
    if (this.token.kind !== 'number') this.fail('a number');
    const { start, end, text } = this.next();
    return { kind: 'integer', span: { start, end }, value: valueOf(text) };
  }

  protected expression(loosest = 1): ast.Expression {
    let left = this.operand();
    for (;;) {
      const { text, kind } = this.token;
      const binding = kind === 'symbol' || kind === 'keyword' ? binary[text] : undefined;
      if (binding === undefined || binding < loosest) return left;
      const operator = this.next();
      const right = this.expression(text === 'implies' ? binding : binding + 1);
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

  protected operand(): ast.Expression {
    const { start, kind, text } = this.token;
    if (kind === 'keyword' && text === 'not') {
      this.next();
      const operand = this.operand();
      return { kind: 'unary', span: this.since(start), operator: 'not', operand };
    }
    if (kind === 'symbol' && text === '~') {
      this.next();
      const operand = this.operand();
      return { kind: 'unary', span: this.since(start), operator: '~', operand };
    }
    if (kind === 'keyword' && text === 'if') {
      this.next();
      const condition = this.expression();
      this.expect('then');
      const consequent = this.expression();
      this.expect('else');
      const alternative = this.expression();
      return { kind: 'choice', span: this.since(start), condition, consequent, alternative };
    }
    return this.postfix();
  }

  protected postfix(): ast.Expression {
    let of = this.primary();
    for (;;) {
      const { start } = of.span;
      if (this.accept('.')) {
        const member = this.name();
        of = { kind: 'member', span: { start, end: member.span.end }, of, member };
      } else if (this.accept('[')) {
        const index = this.expression();
        const low = this.optional(':', () => this.expression());
        const { end } = this.expect(']');
        of =
          low === undefined
            ? { kind: 'index', span: { start, end }, of, index }
            : { kind: 'slice', span: { start, end }, of, high: index, low };
      } else if (this.accept('(')) {
        const args = this.args();
        of = { kind: 'call', span: this.since(start), callee: of, args };
      } else return of;
    }
  }

  /** What stands between `(`, already read, and `)`. */
  protected args(): ast.Expression[] {
    const args: ast.Expression[] = [];
    if (!this.is(')')) {
      do args.push(this.expression());
      while (this.accept(','));
    }
    this.expect(')');
    return args;
  }

  protected primary(): ast.Expression {
    const { kind, text, start, end } = this.token;
    if (kind === 'number') return this.integer();
    if (kind === 'keyword' && (text === 'true' || text === 'false')) {
      this.next();
      return { kind: 'boolean', span: { start, end }, value: text === 'true' };
    }
    if (this.accept('(')) {
      const inner = this.expression();
      this.expect(')');
      return inner;
    }
    const name = this.name();
    return { kind: 'name', span: name.span, name };
  }

  protected elementIndex(): ast.Expression {
    this.expect('[');
    const index = this.expression();
    this.expect(']');
    return index;
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
