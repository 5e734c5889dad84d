/** Regions, registers and structures, read by hand. */
import type * as ast from '../../../dsslang/ast.ts';
import type { Span } from '../../../dsslang/source.ts';
import { HandStatements } from './statements.ts';

const modes = new Set(['ro', 'wo', 'rw', 'w1c', 'rc', 'platform']);
const noName: ast.Name = { span: { start: 0, end: 0 }, text: '' };

export abstract class HandRegisters extends HandStatements {
  protected match(start: number): ast.Item {
    this.next();
    this.expect('pci');
    const ids: { span: Span; vendor: number; device: number }[] = [];
    do {
      if (this.token.kind !== 'pci') this.fail('a PCI id');
      const id = this.next();
      const [vendor = '', device = ''] = id.text.split(':');
      const span = { start: id.start, end: id.end };
      ids.push({ span, vendor: Number.parseInt(vendor, 16), device: Number.parseInt(device, 16) });
    } while (this.accept(','));
    return { kind: 'match', span: this.since(start), ids };
  }

  protected region(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect('=');
    let space: ast.RegionSpace = 'config';
    let base: ast.Expression | undefined;
    if (this.accept('bar')) {
      base = this.integer();
      if (this.accept('memory')) space = 'memory';
      else {
        this.expect('ports');
        space = 'ports';
      }
    } else if (this.accept('ports')) {
      space = 'fixed-ports';
      base = this.integer();
      this.expect('size');
    } else if (this.accept('memory')) {
      space = 'fixed-memory';
      base = this.integer();
      this.expect('size');
    } else this.expect('config');
    const size = this.expression();
    return { kind: 'region', span: this.since(start), name, space, base, size };
  }

  protected location(): ast.Location {
    const { start } = this.token;
    const region = this.isName() ? this.name() : undefined;
    this.expect('+');
    const offset = this.expression();
    return { span: this.since(start), region: region ?? noName, offset, relative: region === undefined };
  }

  protected mode(): { mode: ast.AccessMode; modeSpan: Span } {
    if (!modes.has(this.token.text)) this.fail('an access mode');
    const token = this.next();
    return { mode: token.text as ast.AccessMode, modeSpan: { start: token.start, end: token.end } };
  }

  protected register(start: number): ast.Item {
    this.next();
    const name = this.name();
    const count = this.is('[') ? this.elementIndex() : undefined;
    this.expect('at');
    const at = this.location();
    const stride = this.optional('stride', () => this.expression());
    this.expect(':');
    const type = this.type();
    const { mode, modeSpan } = this.mode();
    const widths: ast.Expression[] = [];
    if (this.accept('access')) {
      do widths.push(this.integer());
      while (this.accept(','));
    }
    const fifo = this.accept('fifo');
    const fields = this.is('{') ? this.fieldBlock() : undefined;
    return {
      kind: 'register',
      span: this.since(start),
      name,
      count,
      at,
      stride,
      type,
      mode,
      modeSpan,
      widths,
      fifo,
      fields,
    };
  }

  protected fieldBlock(): ast.FieldBlock {
    const { start } = this.expect('{');
    const fields: ast.FieldDeclaration[] = [];
    const zeros: ast.BitRange[] = [];
    while (!this.accept('}')) {
      if (this.accept('reserved')) {
        this.expect('[');
        do zeros.push(this.bitRange());
        while (this.accept(','));
        this.expect(']');
      } else {
        const begin = this.token.start;
        const name = this.name();
        this.expect('=');
        this.expect('[');
        const bits = this.bitRange();
        this.expect(']');
        fields.push({ span: this.since(begin), name, bits });
      }
      this.accept(',');
    }
    return { span: this.since(start), fields, reserved: zeros };
  }

  protected bitRange(): ast.BitRange {
    const { start } = this.token;
    const high = this.integer();
    const low = this.optional(':', () => this.integer()) ?? high;
    return { span: this.since(start), high, low };
  }

  protected area(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect('at');
    const at = this.location();
    this.expect('size');
    const size = this.expression();
    this.expect(':');
    const { mode, modeSpan } = this.mode();
    return { kind: 'area', span: this.since(start), name, at, size, mode, modeSpan };
  }

  protected window(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect('at');
    const at = this.location();
    this.expect(':');
    const type = this.type();
    this.expect('into');
    const into = this.name();
    this.expect('by');
    const by = this.name();
    return { kind: 'window', span: this.since(start), name, at, type, into, by };
  }

  protected struct(start: number): ast.Item {
    this.next();
    const name = this.name();
    this.expect('size');
    const size = this.expression();
    this.expect('{');
    const fields: ast.StructField[] = [];
    while (!this.accept('}')) {
      const begin = this.token.start;
      const field = this.name();
      this.expect(':');
      const type = this.type();
      this.expect('at');
      const offset = this.expression();
      const bits = this.is('{') ? this.fieldBlock() : undefined;
      if (!this.accept(',')) this.accept(';');
      fields.push({ span: this.since(begin), name: field, type, offset, fields: bits });
    }
    return { kind: 'struct', span: this.since(start), name, size, fields };
  }
}
