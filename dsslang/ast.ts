/**
 * The tree that the parser builds: what the author wrote, nothing resolved. Every node has a span.
 * Names and widths are checked in `elaborate/`, which also lowers the tree to the IR (`ir.ts`), where its meaning is.
 */
import type { Span } from './source.ts';

export interface Node {
  readonly span: Span;
}

/** A name where it stands. */
export interface Name extends Node {
  readonly text: string;
}

export type AccessMode = 'ro' | 'wo' | 'rw' | 'w1c' | 'rc' | 'platform';

// ---- expressions -----------------------------------------------------------------------------------------------------

export type BinaryOperator =
  | 'implies' | 'or' | 'and'
  | '==' | '!=' | '<' | '<=' | '>' | '>='
  | '|' | '^' | '&' | '<<' | '>>'
  | '+' | '-' | '+%' | '-%' | '+|' | '-|'
  | '*' | '*%' | '/' | '%'; // prettier-ignore

export type Expression =
  | (Node & { readonly kind: 'integer'; readonly value: bigint })
  | (Node & { readonly kind: 'boolean'; readonly value: boolean })
  | (Node & { readonly kind: 'name'; readonly name: Name })
  | (Node & { readonly kind: 'member'; readonly of: Expression; readonly member: Name })
  | (Node & { readonly kind: 'index'; readonly of: Expression; readonly index: Expression })
  | (Node & { readonly kind: 'slice'; readonly of: Expression; readonly high: Expression; readonly low: Expression })
  | (Node & { readonly kind: 'call'; readonly callee: Expression; readonly args: readonly Expression[] })
  | (Node & { readonly kind: 'unary'; readonly operator: 'not' | '~'; readonly operand: Expression })
  | (Node & {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly operatorSpan: Span;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Node & {
      readonly kind: 'choice';
      readonly condition: Expression;
      readonly consequent: Expression;
      readonly alternative: Expression;
    })
  /** Stands where the parser could not read an expression; never reported twice. */
  | (Node & { readonly kind: 'error' });

// ---- declarations ----------------------------------------------------------------------------------------------------

export interface BitRange extends Node {
  readonly high: Expression;
  readonly low: Expression;
}

export interface FieldDeclaration extends Node {
  readonly name: Name;
  readonly bits: BitRange;
}

export interface FieldBlock extends Node {
  readonly fields: readonly FieldDeclaration[];
  /** Bits that must be written as zero. */
  readonly reserved: readonly BitRange[];
}

/** `regs + 0x10`. */
export interface Location extends Node {
  /** Empty if `relative`. */
  readonly region: Name;
  readonly offset: Expression;
  /** `+ 0x10`: counted from where an engine begins. */
  readonly relative: boolean;
}

export interface TypeNode extends Node {
  readonly bits: number;
}

export interface StructField extends Node {
  readonly name: Name;
  readonly type: TypeNode;
  readonly offset: Expression;
  readonly fields: FieldBlock | undefined;
}

/** `tx.Running | tx.Ready`, one machine each. */
export interface StateSet extends Node {
  readonly states: readonly { readonly machine: Name; readonly state: Name; readonly span: Span }[];
}

/** What happens on refusal: `deny`, `fault`, `log`, or `clamp VALUE`. */
export interface Action extends Name {
  readonly value?: Expression | undefined;
}

export type Statement =
  | (Node & {
      readonly kind: 'require';
      readonly condition: Expression;
      readonly reason: string;
      readonly reasonSpan: Span;
      readonly action: Action | undefined;
    })
  | (Node & { readonly kind: 'assign'; readonly target: Expression; readonly value: Expression })
  /** `target` is the machine as written; `machine` its name, empty if it is one of an engine's. */
  | (Node & {
      readonly kind: 'transition';
      readonly machine: Name;
      readonly target: Expression;
      readonly state: Name;
    })
  | (Node & { readonly kind: 'let'; readonly name: Name; readonly value: Expression })
  | (Node & { readonly kind: 'deny'; readonly reason: string; readonly action: Action | undefined })
  | (Node & {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly consequent: readonly Statement[];
      readonly alternative: readonly Statement[];
    })
  | (Node & {
      readonly kind: 'for';
      readonly item: Name;
      readonly ring: Name;
      readonly from: Expression;
      readonly to: Expression;
      readonly body: readonly Statement[];
    })
  | TableWalk
  | ListWalk
  /** A number of the handler that may change; gone when its block ends. */
  | (Node & {
      readonly kind: 'mut';
      readonly name: Name;
      readonly type: TypeNode;
      readonly max: Expression | undefined;
      readonly initial: Expression;
    })
  /** `count NAME by e`. */
  | (Node & { readonly kind: 'count'; readonly target: Expression; readonly by: Expression | undefined })
  /** `forget REG, PORT[2]`, or `forget all`. */
  | (Node & { readonly kind: 'forget'; readonly registers: readonly Expression[] })
  | (Node & { readonly kind: 'start' | 'stop'; readonly clock: Expression })
  | (Node & { readonly kind: 'spend'; readonly rate: Expression })
  /** `check NAME(arguments)`: the body of that check stands here. */
  | (Node & { readonly kind: 'check'; readonly name: Name; readonly args: readonly Expression[] });

/** `for p in Prd at base count n at most 256 until p.LAST { ... }`; one of `count` and `until` is there. */
export interface TableWalk extends Node {
  readonly kind: 'table';
  readonly item: Name;
  readonly struct: Name;
  readonly base: Expression;
  readonly count: Expression | undefined;
  readonly most: Expression | undefined;
  readonly until: Expression | undefined;
  readonly body: readonly Statement[];
}

/** `for t in Transfer at first next t.LINK << 4 while not t.END at most 64 { ... }` */
export interface ListWalk extends Node {
  readonly kind: 'list';
  readonly item: Name;
  readonly struct: Name;
  readonly first: Expression;
  readonly next: Expression;
  readonly more: Expression;
  readonly most: Expression;
  readonly body: readonly Statement[];
}

export type EventKind = 'write' | 'read' | 'report';

export interface HandlerDeclaration extends Node {
  readonly kind: 'handler';
  readonly event: EventKind;
  readonly eventSpan: Span;
  readonly register: Name;
  readonly index: Name | undefined;
  readonly value: Name | undefined;
  readonly body: readonly Statement[];
}

/** What happens to the device, not to one register. */
export type DeviceEvent = 'grant' | 'store' | 'interrupt' | 'tick';

/** `on store(address, length) { }`. */
export interface EventDeclaration extends Node {
  readonly kind: 'event';
  readonly event: DeviceEvent;
  readonly eventSpan: Span;
  readonly parameters: readonly Name[];
  readonly body: readonly Statement[];
}

export interface InBlock extends Node {
  readonly kind: 'in';
  readonly states: StateSet;
  readonly items: readonly (HandlerDeclaration | EventDeclaration | InBlock)[];
}

/** `CTRL`, `PORT[2]`, `port[all].CMD`; where one is waited for, also a field: `CTRL.RST`, `port[2].CMD.ST`. */
export interface StepTarget {
  /** A register, or an engine. */
  readonly register: Name;
  readonly index: Expression | undefined;
  readonly members: readonly Name[];
}

export type StepDeclaration =
  | (Node & StepTarget & { readonly kind: 'write'; readonly value: Expression })
  | (Node & StepTarget & { readonly kind: 'read' })
  | (Node & StepTarget & { readonly kind: 'wait'; readonly equals: Expression; readonly timeout: Expression })
  | (Node & { readonly kind: 'delay'; readonly time: Expression });

/** A BAR of memory or of ports, configuration space, or what lies at one place for good: legacy ports, a part of a chip. */
export type RegionSpace = 'memory' | 'ports' | 'config' | 'fixed-ports' | 'fixed-memory';

export type Item =
  | (Node & {
      readonly kind: 'match';
      readonly ids: readonly (Node & { readonly vendor: number; readonly device: number })[];
    })
  | (Node & {
      readonly kind: 'region';
      readonly name: Name;
      readonly space: RegionSpace;
      /** The BAR's number, or the first port or address of what is fixed. */
      readonly base: Expression | undefined;
      readonly size: Expression;
    })
  | (Node & { readonly kind: 'const'; readonly name: Name; readonly value: Expression })
  | (Node & {
      readonly kind: 'register';
      readonly name: Name;
      readonly count: Expression | undefined;
      readonly at: Location;
      readonly stride: Expression | undefined;
      readonly type: TypeNode;
      readonly mode: AccessMode;
      readonly modeSpan: Span;
      readonly widths: readonly Expression[];
      /** Data flows through it at one place: it may lie over other registers, see `elaborate/overlaps.ts`. */
      readonly fifo: boolean;
      readonly fields: FieldBlock | undefined;
    })
  | (Node & {
      readonly kind: 'area';
      readonly name: Name;
      readonly at: Location;
      readonly size: Expression;
      readonly mode: AccessMode;
      readonly modeSpan: Span;
    })
  | (Node & {
      readonly kind: 'window';
      readonly name: Name;
      readonly at: Location;
      readonly type: TypeNode;
      readonly into: Name;
      readonly by: Name;
    })
  | (Node & {
      readonly kind: 'struct';
      readonly name: Name;
      readonly size: Expression;
      readonly fields: readonly StructField[];
    })
  | (Node & { readonly kind: 'machine'; readonly name: Name; readonly states: readonly Name[] })
  | (Node & {
      readonly kind: 'var';
      readonly name: Name;
      /** The number of elements of an array. */
      readonly count: Expression | undefined;
      readonly type: TypeNode;
      readonly max: Expression | undefined;
      readonly initial: Expression | undefined;
    })
  | (Node & {
      readonly kind: 'ring';
      readonly name: Name;
      readonly struct: Name;
      readonly base: Expression | undefined;
      readonly count: Expression | undefined;
      readonly owned: { readonly from: Expression; readonly to: Expression; readonly span: Span } | undefined;
      readonly when: Expression | undefined;
      readonly head: Name | undefined;
      /** The clauses in the order written: a second one of a kind is a mistake. */
      readonly clauses: readonly Name[];
    })
  | Include
  | HandlerDeclaration
  | EventDeclaration
  | InBlock
  // State, time, engines.
  | (Node & {
      readonly kind: 'counter';
      readonly name: Name;
      readonly end: 'modulo' | 'saturating';
      readonly limit: Expression;
    })
  | (Node & {
      readonly kind: 'table';
      readonly name: Name;
      readonly count: Expression;
      readonly type: TypeNode;
      readonly entries: readonly (Node & { readonly index: Expression; readonly value: Expression })[];
      readonly otherwise: Expression | undefined;
    })
  | (Node & {
      readonly kind: 'freeze';
      readonly registers: readonly Name[];
      readonly when: Expression;
      readonly reason: string;
      readonly action: Action | undefined;
    })
  | (Node & { readonly kind: 'clock'; readonly name: Name })
  | (Node & {
      readonly kind: 'deadline';
      readonly name: Name;
      readonly time: Expression;
      readonly reason: string;
      readonly action: Action | undefined;
    })
  | (Node & {
      readonly kind: 'rate';
      readonly name: Name;
      readonly rate: Expression;
      readonly burst: Expression | undefined;
      readonly reason: string;
      readonly action: Action | undefined;
    })
  | (Node & {
      readonly kind: 'engine';
      readonly name: Name;
      readonly count: Expression;
      readonly at: Location;
      readonly stride: Expression;
      readonly items: readonly Item[];
    })
  | (Node & {
      readonly kind: 'interrupt';
      readonly cause: Name | undefined;
      readonly causeValue: Name | undefined;
      readonly causeWhen: Expression | undefined;
      readonly acknowledge: { readonly event: 'read' | 'write'; readonly register: Name } | undefined;
      readonly mask: readonly StepDeclaration[];
      readonly deadline: Expression | undefined;
      readonly rate: Expression | undefined;
      readonly burst: Expression | undefined;
      readonly clauses: readonly Name[];
    })
  /** Bytes that the driver may not change while a condition holds. */
  | (Node & {
      readonly kind: 'frozen';
      readonly name: Name;
      readonly from: Expression;
      readonly size: Expression;
      readonly when: Expression;
      readonly reason: string;
    })
  /** Memory whose structures keep a rule at all times. */
  | (Node & {
      readonly kind: 'pool';
      readonly name: Name;
      readonly struct: Name;
      readonly filled: Expression | undefined;
      /** What a touched structure is called as it is, and as the store will leave it. */
      readonly before: Name;
      readonly after: Name;
      readonly body: readonly Statement[];
    })
  /** What several handlers demand, said once. */
  | (Node & {
      readonly kind: 'check';
      readonly name: Name;
      readonly parameters: readonly CheckParameter[];
      readonly body: readonly Statement[];
    })
  | (Node & { readonly kind: 'reset'; readonly steps: readonly StepDeclaration[] })
  /** `invariant` or `property`: two words for one thing. */
  | (Node & { readonly kind: 'invariant'; readonly text: string; readonly condition: Expression });

/** `include NAME(argument, ...) as PREFIX`; gone after expansion (`templates.ts`). */
export interface Include extends Node {
  readonly kind: 'include';
  readonly template: Name;
  readonly args: readonly Expression[];
  readonly prefix: Name;
}

/** `template NAME(parameter, ...) { items }` */
export interface Template extends Node {
  readonly name: Name;
  readonly parameters: readonly Name[];
  readonly items: readonly Item[];
}

/** `import "std/pci.dss"`; the span is that of the path without its quotes. */
export interface Import extends Node {
  readonly path: string;
}

/** `d : Descriptor`, a structure that a walk has reached; without a struct, a value. */
export interface CheckParameter {
  readonly name: Name;
  readonly struct: Name | undefined;
}

export type ItemOf<K extends Item['kind']> = Extract<Item, { readonly kind: K }>;

export interface Device extends Node {
  readonly name: Name;
  readonly documentation: string;
  readonly items: readonly Item[];
}

export interface SourceFile extends Node {
  readonly imports: readonly Import[];
  readonly templates: readonly Template[];
  readonly devices: readonly Device[];
  /** If something could not be read: the names that declarations give, also those that are lost. */
  readonly unread: ReadonlySet<string> | undefined;
}
