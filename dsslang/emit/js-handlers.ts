/**
 * Handlers as JavaScript functions. A handler is a transaction: if anything can still be denied after the first
 * assignment, the assigned variables are worked on as copies and written back at the end.
 */
import type { BoolExpr, Program, Reaction, Statement } from '../ir.ts';
import { ExpressionWriter, isWide, type Notes } from './js-numbers.ts';
import type { Part, StateLayout } from './js-state.ts';

/** Where a handler finds and puts the value of a scalar: the state itself, or its working copy. */
type Place = (scalar: number, part: Part) => string;

export interface FunctionText {
  readonly name: string;
  readonly text: string;
}

/** Scalars that a body assigns. */
function assigned(statements: readonly Statement[], found = new Set<number>()): Set<number> {
  for (const statement of statements) {
    if (statement.op === 'set') found.add(statement.scalar);
    else if (statement.op === 'if') {
      assigned(statement.consequent, found);
      assigned(statement.alternative, found);
    } else if (statement.op === 'walk') assigned(statement.body, found);
  }
  return found;
}

/** Can a denial follow an assignment? */
function deniesAfterSet(statements: readonly Statement[]): boolean {
  let set = false;
  const visit = (list: readonly Statement[]): boolean => {
    for (const statement of list) {
      if (statement.op === 'set') set = true;
      else if (statement.op === 'require' && set) return true;
      else if (statement.op === 'if') {
        const before = set;
        if (visit(statement.consequent)) return true;
        const afterThen = set;
        set = before;
        if (visit(statement.alternative)) return true;
        set ||= afterThen;
      } else if (statement.op === 'walk') {
        if (set) return true;
        if (assigned(statement.body).size > 0) return true;
        if (visit(statement.body)) return true;
      }
    }
    return false;
  };
  return visit(statements);
}

/** The program's code for one kind of operation, as a function of the operation's arguments. */
export class HandlerWriter {
  readonly #program: Program;
  readonly #state: StateLayout;
  /** Bytes of scratch that the walks need, by nesting depth. */
  readonly scratchBytes: number[] = [];

  constructor(program: Program, state: StateLayout) {
    this.#program = program;
    this.#state = state;
  }

  /** Statements that decide a reaction; each path ends in `return`. */
  reaction(reaction: Reaction): string[] {
    const lines: string[] = [];
    for (const handler of reaction.handlers) {
      const always = handler.guard.op === 'bool' && handler.guard.value;
      const body = this.#handler(handler.body);
      if (always) return [...lines, ...body];
      lines.push(`if (${this.#guard(handler.guard, lines)}) {`, ...indent(body), '}');
    }
    lines.push(`return ${reaction.otherwise ?? 0};`);
    return lines;
  }

  /** Guards compare machines with states: nothing wide, nothing to compute first. */
  #guard(guard: BoolExpr, lines: string[]): string {
    return new ExpressionWriter(lines, (scalar, part) => this.#state.place(scalar, part), {
      next: 0,
      halves: new Set(),
    }).condition(guard);
  }

  /** Written anew until no further local turns out to be wanted in halves: what is not wanted is not computed. */
  #handler(body: readonly Statement[]): string[] {
    const halves = new Set<number>();
    for (;;) {
      const wanted = halves.size;
      const lines = this.#transaction(body, { next: 0, halves });
      if (halves.size === wanted) return lines;
    }
  }

  #transaction(body: readonly Statement[], notes: Notes): string[] {
    const copies = deniesAfterSet(body) ? assigned(body) : new Set<number>();
    const lines: string[] = [];
    const each = [...copies].flatMap((scalar) => this.#state.parts(scalar).map((part) => ({ scalar, part })));
    const place: Place = (scalar, part) => (copies.has(scalar) ? `n${scalar}${part}` : this.#state.place(scalar, part));
    for (const { scalar, part } of each) lines.push(`let n${scalar}${part} = ${this.#state.place(scalar, part)};`);
    const writer = new ExpressionWriter(lines, place, notes);
    this.#statements(body, writer, place, 0);
    for (const { scalar, part } of each) lines.push(`${this.#state.place(scalar, part)} = n${scalar}${part};`);
    lines.push('return 0;');
    return lines;
  }

  #wide(scalar: number): boolean {
    return isWide(this.#program.scalars[scalar]?.max ?? 0n);
  }

  #statements(statements: readonly Statement[], writer: ExpressionWriter, place: Place, depth: number): void {
    for (const statement of statements) this.#statement(statement, writer, place, depth);
  }

  #statement(statement: Statement, writer: ExpressionWriter, place: Place, depth: number): void {
    const { out } = writer;
    switch (statement.op) {
      case 'require':
        out.push(`if (!${writer.condition(statement.condition)}) return ${statement.rule};`);
        return;
      case 'let':
        writer.define(statement.local, statement.value);
        return;
      case 'set':
        if (this.#wide(statement.scalar)) {
          const [lo, hi] = writer.wide(statement.value);
          const [low, high] = [place(statement.scalar, 'lo'), place(statement.scalar, 'hi')];
          // `x = x << 32` needs the old low half in the high one.
          if (hi === low) out.push(`${high} = ${hi}; ${low} = ${lo};`);
          else out.push(`${low} = ${lo}; ${high} = ${hi};`);
        } else out.push(`${place(statement.scalar, '')} = ${writer.fitting(statement.value)};`);
        return;
      case 'if': {
        const condition = writer.condition(statement.condition);
        out.push(`if (${condition}) {`, ...this.#block(statement.consequent, writer, place, depth));
        if (statement.alternative.length > 0)
          out.push('} else {', ...this.#block(statement.alternative, writer, place, depth));
        out.push('}');
        return;
      }
      case 'walk':
        return this.#walk(statement, writer, place, depth);
      default:
        throw new Error(`not emitted yet: ${statement.op}`);
    }
  }

  #block(statements: readonly Statement[], writer: ExpressionWriter, place: Place, depth: number): string[] {
    const lines: string[] = [];
    this.#statements(statements, writer.into(lines), place, depth);
    return indent(lines);
  }

  #walk(walk: Extract<Statement, { op: 'walk' }>, writer: ExpressionWriter, place: Place, depth: number): void {
    const { out } = writer;
    const id = walk.walk;
    this.scratchBytes[depth] = Math.max(this.scratchBytes[depth] ?? 0, walk.bound * walk.size);
    out.push(
      `const count${id} = ${writer.fitting(walk.count)}, from${id} = ${writer.atMost(walk.from)}, to${id} = ${writer.atMost(walk.to)};`,
      `if (from${id} >= count${id} || to${id} >= count${id}) return ${walk.range};`,
    );
    const [lo, hi] = writer.wide(walk.base);
    out.push(
      `if (!inside(1, ${lo} | 0, ${hi} | 0, count${id} * ${walk.size})) return ${walk.memory};`,
      `const turns${id} = to${id} >= from${id} ? to${id} - from${id} : to${id} + count${id} - from${id};`,
      `if (turns${id} !== 0) {`,
      `  const base${id} = ${hi} * 4294967296 + ${lo};`,
      `  const straight${id} = Math.min(turns${id}, count${id} - from${id});`,
      `  if (!memory.fetch(base${id} + from${id} * ${walk.size}, straight${id} * ${walk.size}, scratch${depth}, 0)) return ${walk.memory};`,
      `  if (turns${id} !== straight${id} && !memory.fetch(base${id}, (turns${id} - straight${id}) * ${walk.size}, scratch${depth}, straight${id} * ${walk.size})) return ${walk.memory};`,
      `  const v${id} = view${depth};`,
      `  for (let a${id} = 0; a${id} < turns${id} * ${walk.size}; a${id} += ${walk.size}) {`,
      ...indent(indent(this.#block(walk.body, writer, place, depth + 1))),
      '  }',
      '}',
    );
  }
}

export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
