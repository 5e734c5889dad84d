/**
 * Lookahead tables that are made when they are first needed: a file uses a part of the grammar, and a start of the command
 * is one file.
 */
import { LLkLookaheadStrategy, type BaseParser, type ILookaheadStrategy, type IOrAlt } from 'chevrotain';

type OfAlternation = Parameters<ILookaheadStrategy['buildLookaheadForAlternation']>[0];
type OfOptional = Parameters<ILookaheadStrategy['buildLookaheadForOptional']>[0];

/** Chevrotain's own strategy, later. */
export class LazyLookahead extends LLkLookaheadStrategy {
  constructor(maxLookahead: number) {
    super({ maxLookahead });
  }

  override buildLookaheadForAlternation(
    options: OfAlternation,
  ): (this: BaseParser, orAlts?: IOrAlt<unknown>[]) => number | undefined {
    const make = (): ReturnType<ILookaheadStrategy['buildLookaheadForAlternation']> =>
      super.buildLookaheadForAlternation(options);
    let choose: ReturnType<typeof make> | undefined;
    return function (alternatives) {
      choose ??= make();
      return choose.call(this, alternatives);
    };
  }

  override buildLookaheadForOptional(options: OfOptional): (this: BaseParser) => boolean {
    const make = (): ReturnType<ILookaheadStrategy['buildLookaheadForOptional']> =>
      super.buildLookaheadForOptional(options);
    let enter: ReturnType<typeof make> | undefined;
    return function () {
      enter ??= make();
      return enter.call(this);
    };
  }
}
