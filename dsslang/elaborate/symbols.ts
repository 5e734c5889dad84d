/**
 * What the names of a device stand for while its program is being built: drafts of registers and engines, and one kind of
 * symbol for each kind of declaration. Data only; `context.ts` keeps and finds them.
 */
import type * as ast from '../ast.ts';
import type {
  ArrayId,
  Area,
  Field,
  Handler,
  Machine,
  NumberExpr,
  Region,
  RuleId,
  ScalarId,
  Statement,
  TableId,
} from '../ir.ts';
import type { PoolInfo, Space, Width } from '../runtime.ts';
import type { Span } from '../source.ts';

/** Where a value of the state is kept; `cells.ts` makes, reads and writes them. */
export type Cell =
  { readonly kind: 'scalar'; readonly scalar: ScalarId } | { readonly kind: 'array'; readonly array: ArrayId };

/** A register while its handlers are still being collected. */
export interface RegisterDraft {
  readonly name: string;
  readonly declaration: ast.ItemOf<'register'>;
  readonly space: Space;
  readonly offset: number;
  readonly count: number;
  readonly stride: number;
  readonly width: Width;
  readonly bits: number;
  readonly access: ast.AccessMode;
  readonly accessWidths: Width[];
  readonly fields: Field[];
  readonly reservedMask: bigint;
  readonly reservedSpan: Span | undefined;
  readonly write: HandlerDraft[];
  readonly read: HandlerDraft[];
  readonly report: HandlerDraft[];
  /** Cells that follow the last value written and reported, made when a specification asks for them. */
  written: Cell | undefined;
  reported: Cell | undefined;
  /** 1 once an allowed write happened; made when a specification asks `programmed(REG)`. */
  programmed: Cell | undefined;
  /** What a write must pass before its own rules. */
  readonly frozen: Statement[];
  /** The engine it belongs to. */
  readonly engine: EngineDraft | undefined;
}

/** An array of identical engines, and what each has. */
export interface EngineDraft {
  readonly name: string;
  readonly count: number;
  readonly span: Span;
  readonly members: ReadonlyMap<string, Symbol>;
}

/** The engine whose body is being read. */
export interface OpenEngine {
  readonly name: string;
  readonly count: number;
  readonly span: Span;
  readonly draft: EngineDraft;
  /** Where its registers begin. */
  readonly at: ast.Location;
  readonly offset: bigint;
  readonly stride: bigint;
  readonly stridePlace: Span;
  /** Which element its names stand for. */
  readonly index: NumberExpr;
}

/** How a counter behaves at its end: `modulo` it starts again below `limit`, `saturating` it stays there. */
export interface CounterEnd {
  readonly end: 'modulo' | 'saturating';
  readonly limit: bigint;
}

/** A bucket of credit: see `token-bucket.ts`. */
export interface Bucket {
  readonly rate: bigint;
  readonly burst: bigint;
  readonly credit: Cell;
  readonly last: Cell;
}

/** A handler and the states it stands in: for each machine it names, the allowed states. */
export interface HandlerDraft extends Handler {
  readonly states: ReadonlyMap<number, ReadonlySet<number>>;
  readonly span: Span;
  readonly transitions: readonly { readonly machine: number; readonly state: number }[];
}

export interface StructField {
  readonly name: string;
  readonly bits: number;
  readonly bytes: 1 | 2 | 4 | 8;
  readonly offset: number;
  readonly fields: Field[];
}

export interface RingDraft {
  readonly declaration: ast.ItemOf<'ring'>;
}

export type Symbol =
  | { readonly kind: 'region'; readonly span: Span; readonly region: Region }
  | { readonly kind: 'constant'; readonly span: Span; readonly value: bigint }
  | { readonly kind: 'register'; readonly span: Span; readonly register: RegisterDraft }
  | { readonly kind: 'area'; readonly span: Span; readonly area: Area }
  | { readonly kind: 'window'; readonly span: Span; readonly index: number }
  | {
      readonly kind: 'struct';
      readonly span: Span;
      readonly sizeBytes: number;
      readonly fields: ReadonlyMap<string, StructField>;
    }
  /** `index` is that of the first machine of that name: each element of an engine has one. */
  | {
      readonly kind: 'machine';
      readonly span: Span;
      readonly machine: Machine;
      readonly index: number;
      readonly cell: Cell;
    }
  | {
      readonly kind: 'variable';
      readonly span: Span;
      readonly cell: Cell;
      readonly bits: number;
      readonly max: bigint;
      readonly counter: CounterEnd | undefined;
    }
  | { readonly kind: 'array'; readonly span: Span; readonly array: ArrayId }
  | { readonly kind: 'table'; readonly span: Span; readonly table: TableId; readonly bits: number }
  | { readonly kind: 'clock'; readonly span: Span; readonly running: Cell; readonly started: Cell }
  | {
      readonly kind: 'rate';
      readonly span: Span;
      readonly bucket: Bucket;
      readonly rule: RuleId;
      readonly log: boolean;
    }
  | { readonly kind: 'engine'; readonly span: Span; readonly engine: EngineDraft }
  | { readonly kind: 'ring'; readonly span: Span; readonly ring: RingDraft }
  | { readonly kind: 'frozen'; readonly span: Span }
  | { readonly kind: 'pool'; readonly span: Span; readonly pool: PoolInfo }
  | { readonly kind: 'check'; readonly span: Span; readonly declaration: ast.ItemOf<'check'> };

export type SymbolOf<K extends Symbol['kind']> = Extract<Symbol, { readonly kind: K }>;

/** Kinds as the language's own words. */
export const kindNames: Readonly<Record<Symbol['kind'], string>> = {
  region: 'region',
  constant: 'const',
  register: 'register',
  area: 'area',
  window: 'window',
  struct: 'struct',
  machine: 'machine',
  variable: 'var',
  ring: 'ring',
  frozen: 'frozen range',
  pool: 'pool',
  check: 'check',
  array: 'array',
  table: 'table',
  clock: 'clock',
  rate: 'rate',
  engine: 'engine',
};

export function kindName(symbol: Symbol): string {
  return kindNames[symbol.kind];
}
