/**
 * Names of a tree and what they stand for.
 *
 * Two passes: declarations first, for a name may be used above its declaration; then every other name, with the locals of
 * the handler it stands in. What cannot be resolved is left out: the compiler's diagnostics say so already.
 */
import type * as ast from '../ast.ts';
import type { Source, Span } from '../source.ts';
import type { DeclaredSymbol, Reference } from './symbols.ts';

/** Any node of the tree; recovery may leave holes anywhere. */
interface TreeNode {
  readonly kind?: unknown;
  readonly span?: Span;
  readonly [key: string]: unknown;
}

type Locals = ReadonlyMap<string, DeclaredSymbol>;

const isNode = (value: unknown): value is TreeNode => typeof value === 'object' && value !== null;

/** A name has a text and a place and, unlike every other node with a text, no kind. */
function isName(value: unknown): value is ast.Name {
  return isNode(value) && typeof value['text'] === 'string' && value.span !== undefined && value.kind === undefined;
}

export class Resolver {
  readonly symbols: DeclaredSymbol[] = [];
  readonly references: Reference[];
  readonly #source: Source;
  readonly #globals = new Map<string, DeclaredSymbol>();
  readonly #members = new Map<DeclaredSymbol, Map<string, DeclaredSymbol>>();
  /** What a local's fields are those of: its register, or the struct of its ring. */
  readonly #shapes = new Map<DeclaredSymbol, DeclaredSymbol>();
  readonly #ringStructs = new Map<DeclaredSymbol, string>();
  /** By the offset of the name: a second reference at one place is the same. */
  readonly #found = new Map<number, Reference>();

  constructor(source: Source, file: ast.SourceFile | undefined) {
    this.#source = source;
    const devices = (file?.devices ?? []).filter((device) => device !== undefined);
    for (const device of devices) {
      this.#declare(device.name, 'device', device.span, undefined);
      for (const item of device.items) if (isNode(item)) this.#declareItem(item);
    }
    for (const device of devices) for (const item of device.items) this.#visit(item, new Map(), undefined);
    this.references = [...this.#found.values()].sort((a, b) => a.span.start - b.span.start);
    this.symbols.sort((a, b) => a.span.start - b.span.start);
  }

  // ---- declarations ----------------------------------------------------------------------------------------------------

  #declareItem(item: TreeNode): void {
    const { kind, name, span } = item;
    if (typeof kind !== 'string' || !isName(name) || span === undefined) return;
    const symbol = this.#declare(name, kind, span, undefined);
    if (symbol === undefined) return;
    if (isName(item['struct'])) this.#ringStructs.set(symbol, item['struct'].text);
    if (kind === 'machine') for (const state of listOf(item['states'])) this.#declareMember(state, 'state', symbol);
    this.#declareFields(item['fields'], symbol);
  }

  /** The fields of a register (a block with a list) or of a struct (a list), and the bit fields of those. */
  #declareFields(block: unknown, container: DeclaredSymbol): void {
    const fields = isNode(block) && !Array.isArray(block) ? block['fields'] : block;
    for (const field of listOf(fields)) {
      if (!isNode(field)) continue;
      const symbol = this.#declareMember(field['name'], 'field', container, field.span);
      if (symbol !== undefined) this.#declareFields(field['fields'], symbol);
    }
  }

  #declareMember(name: unknown, kind: string, container: DeclaredSymbol, scope?: Span): DeclaredSymbol | undefined {
    return isName(name) ? this.#declare(name, kind, scope ?? name.span, container) : undefined;
  }

  #declare(
    name: ast.Name,
    kind: string,
    scope: Span,
    container: DeclaredSymbol | undefined,
  ): DeclaredSymbol | undefined {
    if (name.text === '') return undefined; // invented by the parser's recovery
    const doc = kind === 'local' ? '' : documentationBefore(this.#source, scope.start);
    const symbol: DeclaredSymbol = { name: name.text, kind, span: name.span, scope, doc, container };
    this.symbols.push(symbol);
    this.#refer(name, symbol, true);
    if (container !== undefined) {
      const members = this.#members.get(container) ?? new Map<string, DeclaredSymbol>();
      if (!members.has(name.text)) members.set(name.text, symbol);
      this.#members.set(container, members);
    } else if (kind !== 'local' && kind !== 'device' && !this.#globals.has(name.text)) {
      this.#globals.set(name.text, symbol);
    }
    return symbol;
  }

  #refer(name: ast.Name, symbol: DeclaredSymbol | undefined, isDeclaration = false): void {
    if (symbol === undefined || name.text === '' || this.#found.has(name.span.start)) return;
    this.#found.set(name.span.start, { span: name.span, symbol, isDeclaration });
  }

  // ---- uses ------------------------------------------------------------------------------------------------------------

  /** @param machine the machine that a name compared with it may be a state of */
  #visit(node: unknown, locals: Locals, machine: DeclaredSymbol | undefined): void {
    if (Array.isArray(node)) {
      this.#visitSequence(node, locals);
      return;
    }
    if (!isNode(node)) return;
    if (isName(node)) {
      this.#refer(node, this.#resolve(node.text, locals, machine));
      return;
    }
    switch (node.kind) {
      case 'handler':
        this.#visitHandler(node, locals);
        return;
      case 'for':
        this.#visitFor(node, locals);
        return;
      case 'check':
        this.#visitCheck(node, locals);
        return;
      case 'member':
        this.#visitMember(node, locals);
        return;
      case 'binary': {
        const { left, right } = node as unknown as { left: unknown; right: unknown };
        this.#visit(left, locals, this.#machineOf(right, locals));
        this.#visit(right, locals, this.#machineOf(left, locals));
        return;
      }
      default:
        this.#visitParts(node, locals, machine);
    }
  }

  /** Statements in order: a `let` binds for those after it. */
  #visitSequence(nodes: readonly unknown[], outer: Locals): void {
    let locals = outer;
    for (const node of nodes) {
      this.#visit(node, locals, undefined);
      if (!isNode(node) || node.kind !== 'let' || !isName(node['name'])) continue;
      const last = nodes.findLast(isNode);
      const scope = { start: node.span?.end ?? 0, end: last?.span?.end ?? this.#source.text.length };
      locals = this.#bind(node['name'], scope, locals, undefined);
    }
  }

  #bind(name: unknown, scope: Span, locals: Locals, shape: DeclaredSymbol | undefined): Locals {
    if (!isName(name)) return locals;
    const symbol = this.#declare(name, 'local', scope, undefined);
    if (symbol === undefined) return locals;
    if (shape !== undefined) this.#shapes.set(symbol, shape);
    return new Map([...locals, [symbol.name, symbol]]);
  }

  #visitHandler(node: TreeNode, outer: Locals): void {
    const scope = node.span ?? { start: 0, end: 0 };
    const register = isName(node['register']) ? this.#globals.get(node['register'].text) : undefined;
    let locals = this.#bind(node['index'], scope, outer, undefined);
    locals = this.#bind(node['value'], scope, locals, register);
    this.#visitParts(node, locals, undefined);
  }

  #visitFor(node: TreeNode, outer: Locals): void {
    const { item, body, ...rest } = node;
    this.#visitParts(rest, outer, undefined);
    const ring = isName(node['ring']) ? this.#globals.get(node['ring'].text) : undefined;
    const struct = ring === undefined ? undefined : this.#globals.get(this.#ringStructs.get(ring) ?? '');
    const locals = this.#bind(item, node.span ?? { start: 0, end: 0 }, outer, struct);
    this.#visit(body, locals, undefined);
  }

  /** A declaration binds its parameters, a use refers to names of its surroundings. */
  #visitCheck(node: TreeNode, outer: Locals): void {
    const scope = node.span ?? { start: 0, end: 0 };
    let locals = outer;
    for (const parameter of listOf(node['parameters'])) {
      if (!isNode(parameter)) continue;
      const struct = isName(parameter['struct']) ? this.#globals.get(parameter['struct'].text) : undefined;
      this.#visit(parameter['struct'], outer, undefined);
      locals = this.#bind(parameter['name'], scope, locals, struct);
    }
    const { parameters: _, ...rest } = node;
    this.#visitParts(rest, locals, undefined);
  }

  #visitMember(node: TreeNode, locals: Locals): void {
    this.#visit(node['of'], locals, undefined);
    const { member } = node;
    const of = this.#symbolOf(node['of'], locals);
    if (of !== undefined && isName(member)) this.#refer(member, this.#members.get(of)?.get(member.text));
  }

  #visitParts(node: TreeNode, locals: Locals, machine: DeclaredSymbol | undefined): void {
    // `tx.Running`, `tx -> Running`: the state is one of the machine named beside it; `wait until CTRL.RST` likewise.
    const register = isName(node['register']) ? this.#globals.get(node['register'].text) : undefined;
    const beside = isName(node['machine']) ? this.#globals.get(node['machine'].text) : machine;
    for (const [key, part] of Object.entries(node)) {
      if (key === 'span' || key.endsWith('Span')) continue;
      const owner = key === 'state' ? beside : key === 'field' ? register : undefined;
      if (key === 'members' && register !== undefined) this.#referChain(listOf(part), register);
      else if (owner !== undefined && isName(part)) this.#refer(part, this.#members.get(owner)?.get(part.text));
      else this.#visit(part, locals, key === 'name' ? machine : undefined);
    }
  }

  /** `port[2].CMD.ST`: each name is a member of the one before it. */
  #referChain(names: readonly unknown[], first: DeclaredSymbol): void {
    let of: DeclaredSymbol | undefined = first;
    for (const name of names) {
      const member: DeclaredSymbol | undefined =
        of !== undefined && isName(name) ? this.#members.get(of)?.get(name.text) : undefined;
      if (isName(name)) this.#refer(name, member);
      of = member;
    }
  }

  /** What an expression stands for, so that its members can be found. */
  #symbolOf(node: unknown, locals: Locals): DeclaredSymbol | undefined {
    if (!isNode(node)) return undefined;
    if (node.kind === 'name' && isName(node['name'])) {
      const symbol = locals.get(node['name'].text) ?? this.#globals.get(node['name'].text);
      return symbol === undefined ? undefined : (this.#shapes.get(symbol) ?? symbol);
    }
    if (node.kind === 'index') return this.#symbolOf(node['of'], locals);
    if (node.kind !== 'member' || !isName(node['member'])) return undefined;
    const of = this.#symbolOf(node['of'], locals);
    return of === undefined ? undefined : this.#members.get(of)?.get(node['member'].text);
  }

  #machineOf(node: unknown, locals: Locals): DeclaredSymbol | undefined {
    const symbol = this.#symbolOf(node, locals);
    return symbol?.kind === 'machine' ? symbol : undefined;
  }

  #resolve(text: string, locals: Locals, machine: DeclaredSymbol | undefined): DeclaredSymbol | undefined {
    const state = machine === undefined ? undefined : this.#members.get(machine)?.get(text);
    return state ?? locals.get(text) ?? this.#globals.get(text);
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);

/** The `///` lines that end right before the line of `offset`. */
function documentationBefore(source: Source, offset: number): string {
  const lines: string[] = [];
  const { line } = source.position(offset);
  for (let above = line - 1; above >= 1; above -= 1) {
    const text = /^\s*\/\/\/ ?(.*)$/.exec(source.line(above))?.[1];
    if (text === undefined) break;
    lines.unshift(text.trimEnd());
  }
  return lines.join('\n');
}
