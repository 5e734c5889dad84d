/**
 * Operator precedence, climbed over the flat list of operands and operators that the parser reads.
 * Bit operators bind tighter than comparisons (as in Rust and Go, not as in C): `v & MASK == 0` means what it looks like.
 */
import type { BinaryOperator, Expression } from './ast.ts';
import { join, type Span } from './source.ts';

export interface OperatorToken {
  readonly text: string;
  readonly span: Span;
}

/** Loosest first. `implies` groups to the right, everything else to the left. */
export const precedence: Readonly<Record<BinaryOperator, number>> = {
  implies: 1,
  or: 2,
  and: 3,
  '==': 4, '!=': 4, '<': 4, '<=': 4, '>': 4, '>=': 4,
  '|': 5,
  '^': 6,
  '&': 7,
  '<<': 8, '>>': 8,
  '+': 9, '-': 9, '+%': 9, '-%': 9, '+|': 9, '-|': 9,
  '*': 10, '*%': 10, '/': 10, '%': 10,
}; // prettier-ignore

/** @param operands one more than `operators` */
export function climb(operands: readonly Expression[], operators: readonly OperatorToken[]): Expression {
  let next = 0;
  const at = (index: number): Expression => {
    const operand = operands[index];
    if (operand === undefined) throw new RangeError('an operator without an operand reached precedence climbing');
    return operand;
  };

  function parse(loosest: number): Expression {
    let left = at(next);
    for (;;) {
      const operator = operators[next];
      if (operator === undefined) return left;
      const binding = precedence[operator.text as BinaryOperator];
      if (binding < loosest) return left;
      next += 1;
      const right = parse(operator.text === 'implies' ? binding : binding + 1);
      left = {
        kind: 'binary',
        span: join(left.span, right.span),
        operator: operator.text as BinaryOperator,
        operatorSpan: operator.span,
        left,
        right,
      };
    }
  }

  return parse(1);
}
