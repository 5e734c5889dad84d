/**
 * What the passes of elaboration share: the symbols of the device, the tables of the program being built, the rules.
 *
 * Elaboration turns the tree into the core calculus and checks names, widths and ranges on the way. Each pass adds to the
 * tables here; nothing outside `elaborate/` sees a half-built program.
 */
import type * as ast from '../ast.ts';
import { didYouMean, type Diagnostics } from '../diagnostics.ts';
import type {
  Area,
  ConstantTable,
  Machine,
  NumberExpr,
  Region,
  RuleId,
  Scalar,
  ScalarId,
  StateArray,
  Statement,
  Window,
} from '../ir.ts';
import type { PoolInfo, Rule, ViolationAction } from '../runtime.ts';
import type { Span } from '../source.ts';
import { kindName, kindNames, type OpenEngine, type RegisterDraft, type Symbol, type SymbolOf } from './symbols.ts';

export class Context {
  readonly diagnostics: Diagnostics;
  /** Those of the device; while an engine's body is read, its members too. */
  symbols = new Map<string, Symbol>();
  /** The engine whose body is being read. */
  engine: OpenEngine | undefined;
  /** Every engine, by name. */
  readonly engines = new Map<string, OpenEngine>();
  readonly pools: PoolInfo[] = [];
  readonly used = new Set<string>();
  /** The kind of every name that the device declares, also of those whose turn has not come yet. */
  readonly declaredKinds = new Map<string, Symbol['kind']>();
  /** Names whose declaration was refused: that has been reported, their uses are no further mistakes. */
  readonly broken = new Set<string>();
  /** Something could not be read: what seems to be missing may be what is lost. */
  incomplete = false;
  /** Limits that have been reported as exceeded; once each is enough. */
  readonly exceeded = new Set<string>();
  /** Constants not evaluated yet: one may use another that stands below it. */
  readonly pendingConstants = new Map<string, ast.ItemOf<'const'>>();
  /** Evaluates a pending constant; set by `declarations.ts`, which this file cannot import. */
  evaluateConstant: (item: ast.ItemOf<'const'>) => void = () => {};
  /** Is this constant's own value just being computed? */
  isBeingEvaluated: (name: string) => boolean = () => false;
  readonly regions: Region[] = [];
  readonly scalars: Scalar[] = [];
  readonly arrays: StateArray[] = [];
  readonly tables: ConstantTable[] = [];
  readonly machines: Machine[] = [];
  /** Runs before the reaction to every operation: deadlines. */
  readonly always: Statement[] = [];
  readonly registers: RegisterDraft[] = [];
  readonly areas: Area[] = [];
  readonly windows: Window[] = [];
  /** Where `frozen` ranges begin: keys of expressions (`frozen.ts`). */
  readonly frozenFrom = new Set<string>();
  /** Machines that some condition tests, by index. */
  readonly tested = new Set<number>();
  /** States that some transition enters, as `machine.state` indices. */
  readonly entered = new Set<string>();
  /** The checks being written out, the outermost first; and how much has been written out. */
  readonly openChecks: ast.ItemOf<'check'>[] = [];
  checkStatements = 0;
  /** Rules that stand in checks, by what they say and where: one rule each, however often it is written out. */
  readonly #checkRules = new Map<string, RuleId>();
  readonly rules: Rule[] = [{ reason: '', file: '', line: 0, column: 0, text: '', action: 'fault' }];

  constructor(diagnostics: Diagnostics) {
    this.diagnostics = diagnostics;
  }

  /** All the text there is, addressed by spans. */
  get source(): Diagnostics['sources'] {
    return this.diagnostics.sources;
  }

  /** A new rule whose place is `span`. */
  rule(reason: string, span: Span, action: ViolationAction = 'fault'): RuleId {
    if (this.openChecks.length === 0) return this.newRule(reason, span, action);
    const key = `${span.start}-${span.end} ${action} ${reason}`;
    const known = this.#checkRules.get(key);
    const rule = known ?? this.newRule(reason, span, action);
    if (known === undefined) this.#checkRules.set(key, rule);
    return rule;
  }

  private newRule(reason: string, span: Span, action: ViolationAction): RuleId {
    const { source, span: at } = this.source.place(span);
    const { line, column } = source.position(at.start);
    this.rules.push({ reason, file: source.file, line, column, text: this.text(span, 120), action });
    return this.rules.length - 1;
  }

  /** What stands at `span`, on one line and at most `characters` long. */
  text(span: Span, characters = 60): string {
    const whole = this.source.slice({ start: span.start, end: Math.min(span.end, span.start + 1000) });
    const text = whole.replace(/\s+/g, ' ').trim();
    return text.length > characters ? `${text.slice(0, characters - 3)}...` : text;
  }

  scalar(scalar: Scalar): ScalarId {
    this.scalars.push(scalar);
    return this.scalars.length - 1;
  }

  /** An expression that reads a scalar. */
  readScalar(id: ScalarId): NumberExpr {
    return { op: 'scalar', scalar: id, max: this.scalars[id]?.max ?? 0n };
  }

  /** Declares a symbol; a name that is taken is reported with both places. */
  declare(name: ast.Name, symbol: Symbol): void {
    const earlier = this.symbols.get(name.text);
    if (earlier !== undefined) {
      this.diagnostics.add('DSS102', { name: name.text, kind: kindName(earlier) }, name.span, {
        labels: [{ span: earlier.span, text: 'declared here first' }],
      });
      return;
    }
    this.symbols.set(name.text, symbol);
  }

  /** The symbol of that name, if it has one. */
  symbol(name: string): Symbol | undefined {
    const pending = this.pendingConstants.get(name);
    if (pending !== undefined && !this.symbols.has(name)) {
      this.pendingConstants.delete(name);
      this.evaluateConstant(pending);
    }
    return this.symbols.get(name);
  }

  /** The symbol of the wanted kind, or a diagnostic. */
  find<K extends Symbol['kind']>(name: ast.Name, kind: K): SymbolOf<K> | undefined {
    const symbol = this.symbol(name.text);
    if (symbol === undefined) {
      this.unknown(name, kindNames[kind], () => this.namesOf(kind));
      return undefined;
    }
    this.used.add(name.text);
    if (symbol.kind !== kind) {
      this.diagnostics.add('DSS103', { name: name.text, kind: kindName(symbol), wanted: kindNames[kind] }, name.span, {
        labels: [{ span: symbol.span, text: 'declared here' }],
      });
      return undefined;
    }
    return symbol as SymbolOf<K>;
  }

  namesOf(kind: Symbol['kind']): string[] {
    return [...this.symbols].filter(([, symbol]) => symbol.kind === kind).map(([name]) => name);
  }

  /** Is the name, or the prefix of an include that it begins with, among what was refused or could not be read? */
  isLost(name: string): boolean {
    if (this.broken.has(name)) return true;
    if (!this.incomplete) return false;
    // A prefix longer than that is nobody's: names of a hostile file may be a million characters long.
    for (let at = name.indexOf('_'); at !== -1 && at < 100; at = name.indexOf('_', at + 1))
      if (this.broken.has(name.slice(0, at))) return true;
    return false;
  }

  unknown(name: ast.Name, kind: string, candidates: () => Iterable<string>): void {
    // Invented by the parser's recovery, or refused where it is declared: already reported.
    if (name.text === '' || this.isLost(name.text)) return;
    const declared = this.declaredKinds.get(name.text);
    if (declared !== undefined) {
      this.diagnostics.add('DSS103', { name: name.text, kind: kindNames[declared], wanted: 'const' }, name.span);
      return;
    }
    const engine = [...this.engines.values()].find(({ draft }) => draft.members.has(name.text));
    if (engine !== undefined && this.engine?.name !== engine.name) {
      this.diagnostics.add('DSS147', { name: name.text, engine: engine.name }, name.span, {
        labels: [{ span: engine.span, text: 'the engine is declared here' }],
      });
      return;
    }
    const close = this.diagnostics.full ? undefined : didYouMean(name.text, candidates());
    this.diagnostics.add('DSS101', { kind, name: name.text }, name.span, {
      help: close === undefined ? undefined : `did you mean \`${close}\`?`,
    });
  }
}

/** A number as a specification's author would write it. */
export function show(value: bigint): string {
  return value < 65536n ? value.toString() : `0x${value.toString(16).toUpperCase()}`;
}

export function bitLength(value: bigint): number {
  return value === 0n ? 1 : value.toString(2).length;
}

export const maxOf = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** Can the driver read, or write, a register of this mode at all? */
export const isReadable = (access: ast.AccessMode): boolean => access !== 'wo';
export const isWritable = (access: ast.AccessMode): boolean => access === 'wo' || access === 'rw' || access === 'w1c';
