/**
 * The grammar of events: `on write REG(v) { ... }`, `on grant(a, n) { ... }`, `in STATES { ... }` around them, and the
 * stores that a pool judges.
 */
import type { IToken } from 'chevrotain';
import type {
  DeviceEvent,
  EventDeclaration,
  EventKind,
  HandlerDeclaration,
  InBlock,
  Item,
  Name,
  StateSet,
} from '../ast.ts';
import type { Span } from '../source.ts';
import {
  Bar,
  Close,
  CloseRound,
  CloseSquare,
  Colon,
  Comma,
  Dot,
  K,
  Open,
  OpenRound,
  OpenSquare,
  Semicolon,
} from '../tokens.ts';
import { nowhere, orElse, spanOf } from './leaves.ts';
import { StateParser } from './state.ts';

export abstract class EventParser extends StateParser {
  protected pool = this.RULE('pool', (): Item => {
    const first = this.CONSUME(K.pool);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Colon);
    const struct = this.SUBRULE1(this.name);
    const filled = this.OPTION(() => {
      this.CONSUME(K.filled);
      return this.SUBRULE(this.expression);
    });
    this.CONSUME(K.on);
    this.CONSUME(K.store);
    this.CONSUME(OpenRound);
    const before = this.SUBRULE2(this.name);
    this.CONSUME(Comma);
    const after = this.SUBRULE3(this.name);
    this.CONSUME(CloseRound);
    const body = this.SUBRULE(this.block);
    return { kind: 'pool', span: this.since(first), name, struct, filled, before, after, body };
  });

  protected handler = this.RULE('handler', (): HandlerDeclaration | EventDeclaration => {
    const first = this.CONSUME(K.on);
    return this.OR<HandlerDeclaration | EventDeclaration>([
      {
        ALT: () => {
          const event = this.SUBRULE(this.registerEvent);
          const register = this.SUBRULE(this.name);
          const index = this.OPTION(() => {
            this.CONSUME(OpenSquare);
            const bound = this.SUBRULE1(this.name);
            this.CONSUME(CloseSquare);
            return bound;
          });
          const value = this.OPTION1(() => {
            this.CONSUME(OpenRound);
            const bound = this.SUBRULE2(this.name);
            this.CONSUME(CloseRound);
            return bound;
          });
          const body = this.SUBRULE(this.block);
          const of = { register, index, value, body };
          return {
            kind: 'handler',
            span: this.since(first),
            event: event.image as EventKind,
            eventSpan: spanOf(event),
            ...of,
          };
        },
      },
      {
        ALT: () => {
          const event = this.SUBRULE(this.deviceEvent);
          const parameters = this.OPTION2(() => this.SUBRULE(this.parameters)) ?? [];
          const body = this.SUBRULE1(this.block);
          const of = { parameters, body };
          return {
            kind: 'event',
            span: this.since(first),
            event: event.image as DeviceEvent,
            eventSpan: spanOf(event),
            ...of,
          };
        },
      },
    ]);
  });

  protected registerEvent = this.RULE('registerEvent', (): IToken =>
    this.OR([
      { ALT: () => this.CONSUME(K.write) },
      { ALT: () => this.CONSUME(K.read) },
      { ALT: () => this.CONSUME(K.report) },
    ]),
  );

  /** What happens to the device, not to one register. */
  protected deviceEvent = this.RULE('deviceEvent', (): IToken =>
    this.OR([
      { ALT: () => this.CONSUME(K.grant) },
      { ALT: () => this.CONSUME(K.store) },
      { ALT: () => this.CONSUME(K.interrupt) },
      { ALT: () => this.CONSUME(K.tick) },
    ]),
  );

  protected parameters = this.RULE(
    'parameters',
    (): Name[] => {
      const names: Name[] = [];
      this.CONSUME(OpenRound);
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => names.push(this.SUBRULE(this.name)) });
      this.CONSUME(CloseRound);
      return names;
    },
    orElse([]),
  );

  protected stateSet = this.RULE(
    'stateSet',
    (): StateSet => {
      const first = this.LA(1);
      const states: { machine: Name; state: Name; span: Span }[] = [];
      this.AT_LEAST_ONE_SEP({
        SEP: Bar,
        DEF: () => {
          const start = this.LA(1);
          const machine = this.SUBRULE(this.name);
          this.CONSUME(Dot);
          const state = this.SUBRULE1(this.name);
          states.push({ machine, state, span: this.since(start) });
        },
      });
      return { span: this.since(first), states };
    },
    orElse({ span: nowhere, states: [] }),
  );

  protected inBlock = this.RULE('inBlock', (): InBlock => {
    const first = this.CONSUME(K.in);
    const states = this.SUBRULE(this.stateSet);
    this.CONSUME(Open);
    const items: (HandlerDeclaration | EventDeclaration | InBlock)[] = [];
    this.MANY(() => {
      items.push(
        this.OR<HandlerDeclaration | EventDeclaration | InBlock>([
          { ALT: () => this.SUBRULE(this.handler) },
          { ALT: () => this.SUBRULE(this.inBlock) },
        ]),
      );
      this.OPTION(() => this.CONSUME(Semicolon));
    });
    this.CONSUME(Close);
    return { kind: 'in', span: this.since(first), states, items };
  });
}
