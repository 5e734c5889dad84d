/**
 * Handlers as JavaScript functions. A handler is a transaction: if anything can still be denied after the first
 * assignment, the assigned variables are worked on as copies and written back at the end; arrays are kept aside before
 * their first assignment and brought back by a denial.
 */
import type { ArrayId, Program, Reaction, RuleId, Statement } from '../ir.ts';
import { ExpressionWriter, type Notes, type Places } from './js-numbers.ts';
import { vectorParts, type Part, type StateLayout } from './js-state.ts';
import { assigned, deniesAfterSet, fieldsReadTwice, notes as hasNotes, wantsPlace } from './transaction.ts';

/** Where in a transaction a statement stands. */
interface Scope {
  /** Where it finds and puts a part of a scalar: the state itself, or its working copy. */
  readonly place: (scalar: number, part: Part) => string;
  /** Arrays to bring back when denied, if they were assigned by then. */
  readonly kept: ReadonlySet<ArrayId>;
  /** How many walks are around it. */
  readonly depth: number;
}

/** The program's code for one kind of operation, as a function of the operation's arguments. */
export class HandlerWriter {
  readonly #program: Program;
  readonly #state: StateLayout;
  /** Arrays that some denial may have to bring back. */
  readonly kept = new Set<ArrayId>();
  /** Bytes of scratch that the walks need, by nesting depth. */
  readonly scratchBytes: number[] = [];

  constructor(program: Program, state: StateLayout) {
    this.#program = program;
    this.#state = state;
  }

  /** Does an operation without a handler of its own have anything to do? */
  get alwaysActs(): boolean {
    return this.#program.always.length > 0;
  }

  /**
   * Statements that decide a reaction; each path ends in `return`.
   * @param always what runs before it, in the same transaction; guards see the state before both
   */
  reaction(reaction: Reaction, always: readonly Statement[] = this.#program.always): string[] {
    const lines: string[] = [];
    const notes: Notes = { next: 0, prefix: 'g', halves: new Set() };
    for (const handler of reaction.handlers) {
      const body = this.#handler(always, handler.body, undefined);
      if (handler.guard.op === 'bool' && handler.guard.value) return [...lines, ...body];
      lines.push(
        `if (${new ExpressionWriter(lines, this.#state, notes).condition(handler.guard)}) {`,
        ...indent(body),
        '}',
      );
    }
    return [...lines, ...this.#handler(always, [], reaction.otherwise)];
  }

  /** Written anew until no further local turns out to be wanted in halves: what is not wanted is not computed. */
  #handler(always: readonly Statement[], body: readonly Statement[], otherwise: RuleId | undefined): string[] {
    const halves = new Set<number>();
    for (;;) {
      const wanted = halves.size;
      const lines = this.#transaction(always, body, otherwise, { next: 0, halves, fields: new Map() });
      if (halves.size === wanted) return lines;
    }
  }

  #transaction(
    always: readonly Statement[],
    body: readonly Statement[],
    otherwise: RuleId | undefined,
    notes: Notes,
  ): string[] {
    const all = [...always, ...body];
    const undo = deniesAfterSet(all) || (otherwise !== undefined && always.length > 0);
    const changes = assigned(undo ? all : []);
    const each = [...changes.scalars].flatMap((scalar) => this.#state.parts(scalar).map((part) => ({ scalar, part })));
    const copy = (scalar: number, part: Part): string =>
      changes.scalars.has(scalar) ? `n${scalar}${part}` : this.#state.place(scalar, part);
    const places: Places = {
      place: copy,
      wide: (scalar) => this.#state.wide(scalar),
      array: (array) => this.#state.array(array),
      table: (table) => this.#state.table(table),
    };
    const lines = each.map(({ scalar, part }) => `let n${scalar}${part} = ${this.#state.place(scalar, part)};`);
    for (const array of changes.arrays) {
      this.kept.add(array);
      lines.push(`let kept${array} = false;`);
    }
    if (hasNotes(all)) lines.push('let note = 0;');
    const writer = new ExpressionWriter(lines, places, notes);
    const scope: Scope = { place: copy, kept: changes.arrays, depth: 0 };
    // A block of its own: both number their locals from 0.
    if (always.length > 0) lines.push('{', ...this.#block(always, writer, scope), '}');
    this.#statements(body, writer, scope);
    if (otherwise !== undefined) return [...lines, this.#deny(otherwise, scope)];
    for (const { scalar, part } of each) lines.push(`${this.#state.place(scalar, part)} = n${scalar}${part};`);
    if (hasNotes(all)) lines.push('if (note !== 0) { delivered[0] = lo; delivered[1] = hi; return -note; }');
    return [...lines, 'return 0;'];
  }

  #deny(rule: RuleId, scope: Scope): string {
    if (scope.kept.size === 0) return `return ${rule};`;
    const back = [...scope.kept].map((array) => `if (kept${array}) { ${this.#copyArray(array, 'e', 'c')} }`);
    return `{ ${back.join(' ')} return ${rule}; }`;
  }

  #copyArray(array: ArrayId, to: string, from: string): string {
    return vectorParts(this.#state.array(array))
      .map((part) => `${to}${array}${part}.set(${from}${array}${part});`)
      .join(' ');
  }

  #statements(statements: readonly Statement[], writer: ExpressionWriter, scope: Scope): void {
    for (const statement of statements) this.#statement(statement, writer, scope);
  }

  #statement(statement: Statement, writer: ExpressionWriter, scope: Scope): void {
    const { out } = writer;
    switch (statement.op) {
      case 'require':
        out.push(`if (!${writer.condition(statement.condition)}) ${this.#deny(statement.rule, scope)}`);
        return;
      case 'let':
        writer.define(statement.local, statement.value);
        return;
      case 'set':
        if (this.#state.wide(statement.scalar)) {
          const [lo, hi] = writer.wide(statement.value);
          const [low, high] = [scope.place(statement.scalar, 'lo'), scope.place(statement.scalar, 'hi')];
          // `x = x << 32` needs the old low half in the high one.
          if (hi === low) out.push(`${high} = ${hi}; ${low} = ${lo};`);
          else out.push(`${low} = ${lo}; ${high} = ${hi};`);
        } else out.push(`${scope.place(statement.scalar, '')} = ${writer.fitting(statement.value)};`);
        return;
      case 'if': {
        const condition = writer.condition(statement.condition);
        out.push(`if (${condition}) {`, ...this.#block(statement.consequent, writer, scope));
        if (statement.alternative.length > 0)
          out.push('} else {', ...this.#block(statement.alternative, writer, scope));
        out.push('}');
        return;
      }
      case 'walk':
        return this.#walk(statement, writer, scope);
      case 'note':
        out.push(`if (note === 0 && !${writer.condition(statement.condition)}) note = ${statement.rule};`);
        return;
      case 'clamp':
        return this.#clamp(statement, writer);
      case 'setElement':
        return this.#setElement(statement, writer, scope);
      case 'fill': {
        const vector = this.#state.array(statement.array);
        const halves = vector.wide ? writer.wide(statement.value) : [writer.fitting(statement.value)];
        out.push(...this.#keep(statement.array, scope));
        vectorParts(vector).forEach((part, index) => out.push(`${vector.name}${part}.fill(${halves[index] ?? '0'});`));
        return;
      }
      case 'table':
        return this.#table(statement, writer, scope);
      case 'list':
        return this.#list(statement, writer, scope);
    }
  }

  #clamp(clamp: Extract<Statement, { op: 'clamp' }>, writer: ExpressionWriter): void {
    const { out } = writer;
    const lines: string[] = [];
    const [lo, hi] = writer.into(lines).wide(clamp.value);
    // Both halves are read before either is changed: the new value may be made of the old one.
    lines.push(`const clampedLo = ${lo}, clampedHi = ${hi};`, 'lo = clampedLo; hi = clampedHi;');
    lines.push(`if (note === 0) note = ${clamp.rule};`);
    out.push(`if (!${writer.condition(clamp.condition)}) {`, ...indent(lines), '}');
  }

  /** Before the first assignment of an array in a transaction that may be denied. */
  #keep(array: ArrayId, scope: Scope): string[] {
    if (!scope.kept.has(array)) return [];
    return [`if (!kept${array}) { kept${array} = true; ${this.#copyArray(array, 'c', 'e')} }`];
  }

  #setElement(statement: Extract<Statement, { op: 'setElement' }>, writer: ExpressionWriter, scope: Scope): void {
    const vector = this.#state.array(statement.array);
    const at = writer.index(statement.index);
    const halves = vector.wide ? writer.wide(statement.value) : [writer.fitting(statement.value)];
    const stores = vectorParts(vector).map((part, index) => `${vector.name}${part}[${at}] = ${halves[index] ?? '0'};`);
    // What is stored beyond the end of a typed array is ignored, as it should be.
    writer.out.push(...this.#keep(statement.array, scope), stores.join(' '));
  }

  #block(statements: readonly Statement[], writer: ExpressionWriter, scope: Scope): string[] {
    const lines: string[] = [];
    this.#statements(statements, writer.into(lines), scope);
    return indent(lines);
  }

  #walk(walk: Extract<Statement, { op: 'walk' }>, writer: ExpressionWriter, scope: Scope): void {
    const { out } = writer;
    const { walk: id, size, bound } = walk;
    const { depth } = scope;
    this.#scratch(depth, bound * size);
    out.push(
      `const count${id} = ${writer.atMost(walk.count)}, from${id} = ${writer.atMost(walk.from)}, to${id} = ${writer.atMost(walk.to)};`,
    );
    const beyond = walk.count.max > BigInt(bound) ? ` || count${id} > ${bound}` : '';
    out.push(`if (from${id} >= count${id} || to${id} >= count${id}${beyond}) ${this.#deny(walk.range, scope)}`);
    const [lo, hi] = writer.wide(walk.base);
    const unreadable = this.#deny(walk.memory, scope);
    const place = wantsPlace(walk.body, id)
      ? [
          `  const p${id} = base${id} + (a${id} < straight${id} * ${size} ? from${id} * ${size} + a${id} : a${id} - straight${id} * ${size});`,
        ]
      : [];
    out.push(
      `if (!inside(1, ${lo} | 0, ${hi} | 0, count${id} * ${size})) ${unreadable}`,
      `const turns${id} = to${id} >= from${id} ? to${id} - from${id} : to${id} + count${id} - from${id};`,
      `if (turns${id} !== 0) {`,
      `  const base${id} = ${hi} * 4294967296 + ${lo};`,
      `  const straight${id} = Math.min(turns${id}, count${id} - from${id});`,
      `  if (!memory.fetch(base${id} + from${id} * ${size}, straight${id} * ${size}, scratch${depth}, 0, true)) ${unreadable}`,
      `  if (turns${id} !== straight${id} && !memory.fetch(base${id}, (turns${id} - straight${id}) * ${size}, scratch${depth}, straight${id} * ${size}, true)) ${unreadable}`,
      `  const v${id} = view${depth};`,
      `  for (let a${id} = 0; a${id} < turns${id} * ${size}; a${id} += ${size}) {`,
      ...indent(indent(writer.readFields(id, fieldsReadTwice(walk.body, id)))),
      ...indent(place),
      ...indent(indent(this.#block(walk.body, writer, { ...scope, depth: depth + 1 }))),
      '  }',
      '}',
    );
  }

  #scratch(depth: number, bytes: number): void {
    this.scratchBytes[depth] = Math.max(this.scratchBytes[depth] ?? 0, bytes);
  }

  /** Copies the structure at `p` of a table or list, or denies. */
  #copyStructure(statement: Extract<Statement, { op: 'table' | 'list' }>, scope: Scope): string[] {
    const { walk: id, size, memory } = statement;
    const source = 'stored' in statement && statement.stored ? 'stored?.' : 'fetch';
    const guarded = 'frozen' in statement && statement.frozen ? ', true' : '';
    this.#scratch(scope.depth, size);
    return [
      `if (p${id} >= 4503599627370496 || !inside(1, p${id} >>> 0 | 0, (p${id} / 4294967296) | 0, ${size}) || !memory.${source}(p${id}, ${size}, scratch${scope.depth}, 0${guarded})) ${this.#deny(memory, scope)}`,
      `const v${id} = view${scope.depth}, a${id} = 0;`,
    ];
  }

  #table(table: Extract<Statement, { op: 'table' }>, writer: ExpressionWriter, scope: Scope): void {
    const { out } = writer;
    const id = table.walk;
    out.push(`const count${id} = ${writer.atMost(table.count)}, base${id} = ${writer.atMost(table.base)};`);
    if (table.count.max > BigInt(table.bound))
      out.push(`if (count${id} > ${table.bound}) ${this.#deny(table.range, scope)}`);
    const turn: string[] = [`const p${id} = base${id} + i${id} * ${table.size};`, ...this.#copyStructure(table, scope)];
    const inner = writer.into(turn);
    this.#statements(table.body, inner, { ...scope, depth: scope.depth + 1 });
    if (table.until !== undefined) {
      out.push(`let ended${id} = false;`);
      turn.push(`if (${inner.condition(table.until)}) { ended${id} = true; break; }`);
    }
    out.push(`for (let i${id} = 0; i${id} < count${id}; i${id} += 1) {`, ...indent(turn), '}');
    if (table.until !== undefined) out.push(`if (!ended${id}) ${this.#deny(table.range, scope)}`);
  }

  #list(list: Extract<Statement, { op: 'list' }>, writer: ExpressionWriter, scope: Scope): void {
    const { out } = writer;
    const id = list.walk;
    out.push(`let p${id} = ${writer.atMost(list.first)}, ended${id} = false;`);
    const turn = this.#copyStructure(list, scope);
    const inner = writer.into(turn);
    this.#statements(list.body, inner, { ...scope, depth: scope.depth + 1 });
    turn.push(`if (!${inner.condition(list.more)}) { ended${id} = true; break; }`);
    turn.push(`p${id} = ${inner.atMost(list.next)};`);
    out.push(`for (let i${id} = 0; i${id} < ${list.bound}; i${id} += 1) {`, ...indent(turn), '}');
    out.push(`if (!ended${id}) ${this.#deny(list.range, scope)}`);
  }
}

export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
