/**
 * The grammar of what the device shows: PCI ids, regions, registers and their fields, areas, windows; and structures in
 * memory, whose fields are written alike.
 */
import type { IOrAlt, IToken } from 'chevrotain';
import type {
  AccessMode,
  BitRange,
  Expression,
  FieldBlock,
  FieldDeclaration,
  Item,
  Location,
  RegionSpace,
  StructField,
} from '../ast.ts';
import type { Span } from '../source.ts';
import { Assign, Close, CloseSquare, Colon, Comma, K, Open, OpenSquare, PciId, Plus, Semicolon } from '../tokens.ts';
import { noExpression, noName, nowhere, orElse, spanOf } from './leaves.ts';
import { StatementParser } from './statements.ts';

export abstract class RegisterParser extends StatementParser {
  protected match = this.RULE('match', (): Item => {
    const first = this.CONSUME(K.match);
    this.CONSUME(K.pci);
    const ids: { span: Span; vendor: number; device: number }[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: Comma,
      DEF: () => {
        const id = this.CONSUME(PciId);
        ids.push({
          span: spanOf(id),
          vendor: Number.parseInt(id.image.slice(0, 4), 16),
          device: Number.parseInt(id.image.slice(5), 16),
        });
      },
    });
    return { kind: 'match', span: this.since(first), ids };
  });

  protected region = this.RULE('region', (): Item => {
    const first = this.CONSUME(K.region);
    const name = this.SUBRULE(this.name);
    this.CONSUME(Assign);
    let space: RegionSpace = 'config';
    let base: Expression | undefined;
    this.OR([
      {
        ALT: () => {
          this.CONSUME(K.bar);
          base = this.SUBRULE(this.integer);
          this.OR1([
            { ALT: () => (this.CONSUME(K.memory), (space = 'memory')) },
            { ALT: () => (this.CONSUME(K.ports), (space = 'ports')) },
          ]);
        },
      },
      { ALT: () => (this.CONSUME(K.config), (space = 'config')) },
      {
        ALT: () => {
          this.CONSUME1(K.ports);
          space = 'fixed-ports';
          base = this.SUBRULE1(this.integer);
          this.CONSUME(K.size);
        },
      },
      {
        ALT: () => {
          this.CONSUME1(K.memory);
          space = 'fixed-memory';
          base = this.SUBRULE2(this.integer);
          this.CONSUME1(K.size);
        },
      },
    ]);
    const size = this.SUBRULE(this.expression);
    return { kind: 'region', span: this.since(first), name, space, base, size };
  });

  protected location = this.RULE(
    'location',
    (): Location => {
      const first = this.LA(1);
      const region = this.OPTION(() => this.SUBRULE(this.name));
      this.CONSUME(Plus);
      const offset = this.SUBRULE(this.expression);
      return { span: this.since(first), region: region ?? noName, offset, relative: region === undefined };
    },
    orElse({ span: nowhere, region: noName, offset: noExpression, relative: false }),
  );

  private readonly modes: IOrAlt<IToken>[] = [
    { ALT: () => this.CONSUME(K.ro) },
    { ALT: () => this.CONSUME(K.wo) },
    { ALT: () => this.CONSUME(K.rw) },
    { ALT: () => this.CONSUME(K.w1c) },
    { ALT: () => this.CONSUME(K.rc) },
    { ALT: () => this.CONSUME(K.platform) },
  ];

  protected mode = this.RULE(
    'mode',
    (): { mode: AccessMode; span: Span } => {
      const token = this.OR(this.modes);
      return { mode: token.image as AccessMode, span: spanOf(token) };
    },
    orElse({ mode: 'rw', span: nowhere }),
  );

  protected register = this.RULE('register', (): Item => {
    const first = this.CONSUME(K.register);
    const name = this.SUBRULE(this.name);
    const count = this.OPTION(() => {
      this.CONSUME(OpenSquare);
      const size = this.SUBRULE(this.expression);
      this.CONSUME(CloseSquare);
      return size;
    });
    this.CONSUME(K.at);
    const at = this.SUBRULE(this.location);
    const stride = this.OPTION1(() => {
      this.CONSUME(K.stride);
      return this.SUBRULE1(this.expression);
    });
    this.CONSUME(Colon);
    const type = this.SUBRULE(this.type);
    const { mode, span: modeSpan } = this.SUBRULE(this.mode);
    const widths: Expression[] = [];
    this.OPTION2(() => {
      this.CONSUME(K.access);
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => widths.push(this.SUBRULE(this.integer)) });
    });
    const fifo = this.OPTION3(() => this.CONSUME(K.fifo)) !== undefined;
    const fields = this.OPTION4(() => this.SUBRULE(this.fieldBlock));
    const span = this.since(first);
    return { kind: 'register', span, name, count, at, stride, type, mode, modeSpan, widths, fifo, fields };
  });

  protected fieldBlock = this.RULE(
    'fieldBlock',
    (): FieldBlock => {
      const first = this.CONSUME(Open);
      const fields: FieldDeclaration[] = [];
      const reserved: BitRange[] = [];
      this.MANY(() => {
        this.OR([
          {
            ALT: () => {
              const start = this.LA(1);
              const name = this.SUBRULE(this.name);
              this.CONSUME(Assign);
              this.CONSUME(OpenSquare);
              const bits = this.SUBRULE(this.bitRange);
              this.CONSUME(CloseSquare);
              fields.push({ span: this.since(start), name, bits });
            },
          },
          {
            ALT: () => {
              this.CONSUME(K.reserved);
              this.CONSUME1(OpenSquare);
              this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => reserved.push(this.SUBRULE1(this.bitRange)) });
              this.CONSUME1(CloseSquare);
            },
          },
        ]);
        this.OPTION(() => this.CONSUME1(Comma));
      });
      this.CONSUME(Close);
      return { span: this.since(first), fields, reserved };
    },
    orElse({ span: nowhere, fields: [], reserved: [] }),
  );

  protected bitRange = this.RULE(
    'bitRange',
    (): BitRange => {
      const first = this.LA(1);
      const high = this.SUBRULE(this.integer);
      const low =
        this.OPTION(() => {
          this.CONSUME(Colon);
          return this.SUBRULE1(this.integer);
        }) ?? high;
      return { span: this.since(first), high, low };
    },
    orElse({ span: nowhere, high: noExpression, low: noExpression }),
  );

  protected area = this.RULE('area', (): Item => {
    const first = this.CONSUME(K.area);
    const name = this.SUBRULE(this.name);
    this.CONSUME(K.at);
    const at = this.SUBRULE(this.location);
    this.CONSUME(K.size);
    const size = this.SUBRULE(this.expression);
    this.CONSUME(Colon);
    const { mode, span: modeSpan } = this.SUBRULE(this.mode);
    return { kind: 'area', span: this.since(first), name, at, size, mode, modeSpan };
  });

  protected window = this.RULE('window', (): Item => {
    const first = this.CONSUME(K.window);
    const name = this.SUBRULE(this.name);
    this.CONSUME(K.at);
    const at = this.SUBRULE(this.location);
    this.CONSUME(Colon);
    const type = this.SUBRULE(this.type);
    this.CONSUME(K.into);
    const into = this.SUBRULE1(this.name);
    this.CONSUME(K.by);
    const by = this.SUBRULE2(this.name);
    return { kind: 'window', span: this.since(first), name, at, type, into, by };
  });

  protected struct = this.RULE('struct', (): Item => {
    const first = this.CONSUME(K.struct);
    const name = this.SUBRULE(this.name);
    this.CONSUME(K.size);
    const size = this.SUBRULE(this.expression);
    this.CONSUME(Open);
    const fields: StructField[] = [];
    this.MANY(() => {
      const start = this.LA(1);
      const field = this.SUBRULE1(this.name);
      this.CONSUME(Colon);
      const type = this.SUBRULE(this.type);
      this.CONSUME(K.at);
      const offset = this.SUBRULE1(this.expression);
      const bits = this.OPTION(() => this.SUBRULE(this.fieldBlock));
      this.OPTION1(() => this.OR([{ ALT: () => this.CONSUME(Comma) }, { ALT: () => this.CONSUME(Semicolon) }]));
      fields.push({ span: this.since(start), name: field, type, offset, fields: bits });
    });
    this.CONSUME(Close);
    return { kind: 'struct', span: this.since(first), name, size, fields };
  });
}
