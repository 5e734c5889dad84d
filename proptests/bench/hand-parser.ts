/**
 * The parser that one would write by hand: recursive descent, operators by precedence climbing, the very tree of
 * `dsslang/parser.ts` for the whole language. The classes of `hand/` have one part of the grammar each. It stops at the
 * first mistake and words nothing: what a bench compares with, and an independent reading of the grammar for a
 * differential test. Not part of the product.
 */
import type * as ast from '../../dsslang/ast.ts';
import { HandEvents } from './hand/events.ts';
import { scan, type Scanned } from './hand/scanner.ts';

/** @throws SyntaxError at the first mistake */
export function parseByHand(text: string): ast.SourceFile {
  const { tokens, documentation } = scan(text);
  const file = new HandParser(tokens).file();
  return { ...file, devices: documented(file.devices, documentation), unread: undefined };
}

/** The `///` lines right before a device describe it. */
function documented(devices: readonly ast.Device[], documentation: Scanned['documentation']): ast.Device[] {
  let from = 0;
  return devices.map((device) => {
    const lines = documentation.filter((line) => line.start >= from && line.start < device.span.start);
    from = device.span.end;
    return { ...device, documentation: lines.map((line) => line.text.replace(/^\/\/\/ ?/, '')).join('\n') };
  });
}

class HandParser extends HandEvents {
  file(): Omit<ast.SourceFile, 'unread'> {
    const { start, kind } = this.token;
    const imports: ast.Import[] = [];
    const templates: ast.Template[] = [];
    const devices: ast.Device[] = [];
    while (this.token.kind !== 'end') {
      if (this.is('import')) imports.push(this.importLine());
      else if (this.is('template')) templates.push(this.template());
      else devices.push(this.device());
    }
    // A file without a token is nowhere.
    return { span: kind === 'end' ? { start: 0, end: 0 } : this.since(start), imports, templates, devices };
  }

  private importLine(): ast.Import {
    this.next();
    const path = this.text();
    this.accept(';');
    return { span: { start: path.start + 1, end: path.end - 1 }, path: path.text.slice(1, -1) };
  }

  private template(): ast.Template {
    const { start } = this.next();
    const name = this.name();
    this.expect('(');
    const parameters: ast.Name[] = [];
    if (!this.is(')')) {
      do parameters.push(this.name());
      while (this.accept(','));
    }
    this.expect(')');
    const items = this.items();
    return { span: this.since(start), name, parameters, items };
  }

  /** Declarations in braces, those of a device or of an engine. */
  private items(): ast.Item[] {
    this.expect('{');
    const items: ast.Item[] = [];
    while (!this.accept('}')) {
      items.push(this.item());
      this.accept(';');
    }
    return items;
  }

  private device(): ast.Device {
    const { start } = this.expect('device');
    const name = this.name();
    const items = this.items();
    return { span: this.since(start), name, documentation: '', items };
  }

  private item(): ast.Item {
    const { start } = this.token;
    switch (this.token.text) {
      case 'match': return this.match(start);
      case 'region': return this.region(start);
      case 'const': return this.constant(start);
      case 'register': return this.register(start);
      case 'area': return this.area(start);
      case 'window': return this.window(start);
      case 'struct': return this.struct(start);
      case 'machine': return this.machine(start);
      case 'var': return this.variable(start);
      case 'ring': return this.ring(start);
      case 'on': return this.handler();
      case 'in': return this.inBlock();
      case 'interrupt': return this.interrupt(start);
      case 'reset': return this.reset(start);
      case 'counter': return this.counter(start);
      case 'table': return this.table(start);
      case 'freeze': return this.freeze(start);
      case 'frozen': return this.frozen(start);
      case 'pool': return this.pool(start);
      case 'clock': return this.clock(start);
      case 'deadline': return this.deadline(start);
      case 'rate': return this.rate(start);
      case 'engine': return this.engine(start);
      case 'include': return this.include(start);
      case 'check': return this.checkDeclaration(start);
      case 'property':
      case 'invariant': return this.invariant(start);
      default: return this.fail('a declaration');
    } // prettier-ignore
  }

  private include(start: number): ast.Item {
    this.next();
    const template = this.name();
    this.expect('(');
    const args = this.args();
    this.expect('as');
    const prefix = this.name();
    return { kind: 'include', span: this.since(start), template, args, prefix };
  }

  private engine(start: number): ast.Item {
    this.next();
    const name = this.name();
    const count = this.elementIndex();
    this.expect('at');
    const at = this.location();
    this.expect('stride');
    const stride = this.expression();
    const items = this.items();
    return { kind: 'engine', span: this.since(start), name, count, at, stride, items };
  }
}
