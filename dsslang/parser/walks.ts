/**
 * The grammar of what a `for` goes over: a stretch of a ring, a table, a linked list.
 */
import type { Expression, ListWalk, TableWalk } from '../ast.ts';
import { CloseSquare, K, OpenSquare, UpTo } from '../tokens.ts';
import { ExpressionParser } from './expressions.ts';
import { noExpression, orElse } from './leaves.ts';

/** How much of a table, or how to go on in a list. */
type Extent =
  | Omit<ListWalk, 'span' | 'item' | 'struct' | 'first' | 'body'>
  | Omit<TableWalk, 'span' | 'item' | 'struct' | 'base' | 'body'>;

type Walk =
  | { readonly kind: 'for'; readonly from: Expression; readonly to: Expression }
  | Omit<ListWalk, 'span' | 'item' | 'struct' | 'body'>
  | Omit<TableWalk, 'span' | 'item' | 'struct' | 'body'>;

export const unreadWalk: Walk & { kind: 'for' } = { kind: 'for', from: noExpression, to: noExpression };

export abstract class WalkParser extends ExpressionParser {
  /** What stands between the name of what is walked and the block. */
  protected walk = this.RULE(
    'walk',
    (): Walk =>
      this.OR<Walk>([
        {
          ALT: () => {
            this.CONSUME(OpenSquare);
            const from = this.SUBRULE(this.expression);
            this.CONSUME(UpTo);
            const to = this.SUBRULE1(this.expression);
            this.CONSUME(CloseSquare);
            return { kind: 'for', from, to };
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.at);
            const base = this.SUBRULE2(this.expression);
            const extent = this.SUBRULE(this.extent);
            return extent.kind === 'list' ? { ...extent, first: base } : { ...extent, base };
          },
        },
      ]),
    orElse(unreadWalk),
  );

  protected extent = this.RULE(
    'extent',
    (): Extent =>
      this.OR<Extent>([
        {
          ALT: () => {
            this.CONSUME(K.next);
            const next = this.SUBRULE(this.expression);
            this.CONSUME(K.while);
            const more = this.SUBRULE1(this.expression);
            this.CONSUME(K.at);
            this.CONSUME(K.most);
            const most = this.SUBRULE2(this.expression);
            return { kind: 'list', next, more, most };
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.count);
            const count = this.SUBRULE3(this.expression);
            const most = this.OPTION(() => {
              this.CONSUME1(K.at);
              this.CONSUME1(K.most);
              return this.SUBRULE4(this.expression);
            });
            const until = this.OPTION1(() => {
              this.CONSUME(K.until);
              return this.SUBRULE5(this.expression);
            });
            return { kind: 'table', count, most, until };
          },
        },
        {
          ALT: () => {
            this.CONSUME2(K.at);
            this.CONSUME2(K.most);
            const most = this.SUBRULE6(this.expression);
            this.CONSUME1(K.until);
            const until = this.SUBRULE7(this.expression);
            return { kind: 'table', count: undefined, most, until };
          },
        },
      ]),
    orElse<Extent>({ kind: 'table', count: noExpression, most: undefined, until: undefined }),
  );
}
