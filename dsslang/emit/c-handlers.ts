/**
 * Handlers as C statements, each path ending in `return`: transactions as in js-handlers.ts, without branches back but for
 * the bounded loops of walks.
 */
import type { ArrayId, Program, Reaction, RuleId, Statement } from '../ir.ts';
import { CExpressions, constant } from './c-expressions.ts';
import type { CNames } from './c-names.ts';
import { indent } from './js-handlers.ts';
import { assigned, deniesAfterSet, notes, wantsPlace } from './transaction.ts';

/** Where a statement stands. */
interface Scope {
  readonly write: CExpressions;
  readonly copies: ReadonlySet<number>;
  readonly kept: ReadonlySet<ArrayId>;
  readonly depth: number;
}

type Loop<Op extends 'walk' | 'table' | 'list'> = Extract<Statement, { op: Op }>;

export class CHandlers {
  readonly #program: Program;
  readonly #names: CNames;
  /** Arrays that some denial may have to bring back. */
  readonly kept = new Set<ArrayId>();
  /** Bytes of private copies that the walks need, by nesting depth. */
  readonly scratchBytes: number[] = [];
  /** Does some handler ask for memory as a store will leave it? Known once all are written. */
  asksForStored = false;

  constructor(program: Program, names: CNames) {
    this.#program = program;
    this.#names = names;
  }

  /** Statements that decide a reaction. @param always what runs before it; guards see the state before both */
  reaction(reaction: Reaction, always: readonly Statement[] = this.#program.always): string[] {
    const lines: string[] = [];
    const guards = new CExpressions(this.#names, new Set());
    for (const { guard, body } of reaction.handlers) {
      const text = this.#transaction(always, body, undefined);
      if (guard.op === 'bool' && guard.value) return [...lines, ...text];
      lines.push(`if (${guards.condition(guard)}) {`, ...indent(text), '}');
    }
    return [...lines, ...this.#transaction(always, [], reaction.otherwise)];
  }

  #transaction(always: readonly Statement[], body: readonly Statement[], otherwise: RuleId | undefined): string[] {
    const all = [...always, ...body];
    const undo = deniesAfterSet(all) || (otherwise !== undefined && always.length > 0);
    const { scalars: copies, arrays: kept } = assigned(undo ? all : []);
    const scope: Scope = { write: new CExpressions(this.#names, copies), copies, kept, depth: 0 };
    const lines: string[] = [];
    for (const scalar of copies) lines.push(`uint64_t n${scalar} = m->${this.#names.scalar(scalar).name};`);
    for (const array of kept) {
      this.kept.add(array);
      lines.push(`bool kept${array} = false;`);
    }
    if (notes(all)) lines.push('int32_t note = 0;');
    // A block of its own: both number their locals from 0.
    if (always.length > 0) lines.push('{', ...indent(quiet(this.#statements(always, scope))), '}');
    lines.push(...quiet(this.#statements(body, scope)));
    if (otherwise !== undefined) {
      // What was assigned is forgotten.
      const forgotten = [...[...copies].map((scalar) => `n${scalar}`), ...(notes(all) ? ['note'] : [])];
      return [...lines, ...forgotten.map((name) => `(void)${name};`), ...this.#deny(otherwise, scope)];
    }
    for (const scalar of copies) lines.push(this.#assign(scalar, `n${scalar}`));
    if (!notes(all)) return [...lines, 'return 0;'];
    return [...lines, 'if (note != 0) {', '  m->delivered = value;', '}', 'return -note;'];
  }

  #assign(scalar: number, value: string): string {
    const { name, storage } = this.#names.scalar(scalar);
    return `m->${name} = ${storage === 64 ? value : `(uint${storage}_t)${value}`};`;
  }

  #deny(rule: RuleId, scope: Scope): string[] {
    const back = [...scope.kept].flatMap((array) => [`if (kept${array}) {`, `  restore${array}(m);`, '}']);
    return [...back, `return ${rule};`];
  }

  #denyIf(condition: string, rule: RuleId, scope: Scope): string[] {
    return [`if (${condition}) {`, ...indent(this.#deny(rule, scope)), '}'];
  }

  /** Before the first assignment of an array in a transaction that may be denied. */
  #keep(array: ArrayId, scope: Scope): string[] {
    return scope.kept.has(array) ? [`if (!kept${array}) {`, `  kept${array} = true;`, `  keep${array}(m);`, '}'] : [];
  }

  #statements(statements: readonly Statement[], scope: Scope): string[] {
    return statements.flatMap((statement) => this.#statement(statement, scope));
  }

  #statement(statement: Statement, scope: Scope): string[] {
    const { write } = scope;
    switch (statement.op) {
      case 'require':
        return this.#denyIf(`!${write.operand(statement.condition)}`, statement.rule, scope);
      case 'note':
        return [`if (note == 0 && !${write.operand(statement.condition)}) {`, `  note = ${statement.rule};`, '}'];
      case 'clamp':
        return [
          `if (!${write.operand(statement.condition)}) {`,
          ...indent(assignment('value', write.number(statement.value))),
          '  if (note == 0) {',
          `    note = ${statement.rule};`,
          '  }',
          '}',
        ];
      case 'set': {
        const value = write.number(statement.value);
        if (scope.copies.has(statement.scalar)) return assignment(`n${statement.scalar}`, value);
        const own = write.number({ op: 'scalar', scalar: statement.scalar, max: 0n });
        return value === own ? [] : [this.#assign(statement.scalar, value)];
      }
      case 'setElement': {
        const { name, storage, count } = this.#names.array(statement.array);
        const put = `put${storage}(m->${name}, ${count}, ${write.number(statement.index)}, ${write.number(statement.value)});`;
        return [...this.#keep(statement.array, scope), put];
      }
      case 'fill': {
        const { name, storage, count } = this.#names.array(statement.array);
        const fill = `fill${storage}(m->${name}, ${count}, ${write.number(statement.value)});`;
        return [...this.#keep(statement.array, scope), fill];
      }
      case 'let':
        return [`const uint64_t l${statement.local} = ${write.number(statement.value)};`];
      case 'if': {
        const lines = [
          `if (${write.condition(statement.condition)}) {`,
          ...indent(this.#statements(statement.consequent, scope)),
        ];
        if (statement.alternative.length > 0)
          lines.push('} else {', ...indent(this.#statements(statement.alternative, scope)));
        return [...lines, '}'];
      }
      case 'walk':
        return this.#walk(statement, scope);
      case 'table':
        return this.#table(statement, scope);
      case 'list':
        return this.#list(statement, scope);
    }
  }

  #scratch(depth: number, bytes: number): void {
    this.scratchBytes[depth] = Math.max(this.scratchBytes[depth] ?? 0, bytes);
  }

  #walk({ walk: id, size, bound, ...walk }: Loop<'walk'>, scope: Scope): string[] {
    const { write, depth } = scope;
    this.#scratch(depth, bound * size);
    const beyond = walk.count.max > BigInt(bound) ? ` || count${id} > ${bound}` : '';
    const place = wantsPlace(walk.body, id)
      ? [
          `const uint64_t p${id} = base${id} + (i${id} < straight${id} ? from${id} + i${id} : i${id} - straight${id}) * ${size};`,
        ]
      : [];
    return [
      `const uint64_t count${id} = ${write.number(walk.count)};`,
      `const uint64_t from${id} = ${write.number(walk.from)};`,
      `const uint64_t to${id} = ${write.number(walk.to)};`,
      `const uint64_t base${id} = ${write.number(walk.base)};`,
      ...this.#denyIf(`from${id} >= count${id} || to${id} >= count${id}${beyond}`, walk.range, scope),
      ...this.#denyIf(`!inside(m, 1, base${id}, count${id} * ${size})`, walk.memory, scope),
      `const uint64_t turns${id} = to${id} >= from${id} ? to${id} - from${id} : to${id} + count${id} - from${id};`,
      // All of them are copied before any is judged: up to the end of the ring, and from its beginning.
      `const uint64_t straight${id} = turns${id} <= count${id} - from${id} ? turns${id} : count${id} - from${id};`,
      ...this.#denyIf(
        `straight${id} != 0 && !fetch(m, base${id} + from${id} * ${size}, straight${id} * ${size}, m->scratch${depth})`,
        walk.memory,
        scope,
      ),
      ...this.#denyIf(
        `turns${id} != straight${id} && !fetch(m, base${id}, (turns${id} - straight${id}) * ${size}, m->scratch${depth} + straight${id} * ${size})`,
        walk.memory,
        scope,
      ),
      `for (uint64_t i${id} = 0; i${id} < turns${id}; i${id}++) {`,
      `  const uint8_t *const d${id} = m->scratch${depth} + i${id} * ${size};`,
      ...indent([...place, ...this.#statements(walk.body, { ...scope, depth: depth + 1 })]),
      '}',
    ];
  }

  /** Copies the structure at `p` of a table or list, or denies. */
  #copyStructure(statement: Loop<'table'> | Loop<'list'>, scope: Scope): string[] {
    const { walk: id, size, memory } = statement;
    const source = 'stored' in statement && statement.stored ? 'stored' : 'fetch';
    if (source === 'stored') this.asksForStored = true;
    this.#scratch(scope.depth, size);
    const scratch = `m->scratch${scope.depth}`;
    return [
      ...this.#denyIf(`!inside(m, 1, p${id}, ${size}) || !${source}(m, p${id}, ${size}, ${scratch})`, memory, scope),
      `const uint8_t *const d${id} = ${scratch};`,
    ];
  }

  #table(table: Loop<'table'>, scope: Scope): string[] {
    const { walk: id, size, bound, until, range } = table;
    const { write } = scope;
    const ends =
      until === undefined ? [] : [`if (${write.condition(until)}) {`, `  ended${id} = true;`, '  break;', '}'];
    return [
      `const uint64_t count${id} = ${write.number(table.count)};`,
      `const uint64_t base${id} = ${write.number(table.base)};`,
      ...(table.count.max > BigInt(bound) ? this.#denyIf(`count${id} > ${bound}`, range, scope) : []),
      ...(until === undefined ? [] : [`bool ended${id} = false;`]),
      `for (uint64_t i${id} = 0; i${id} < count${id}; i${id}++) {`,
      ...indent([
        // Beyond all grants the sum may not fit.
        `const uint64_t p${id} = base${id} >= ${ADDRESS_LIMIT} ? base${id} : base${id} + i${id} * ${size};`,
        ...this.#copyStructure(table, scope),
        ...this.#statements(table.body, { ...scope, depth: scope.depth + 1 }),
        ...ends,
      ]),
      '}',
      ...(until === undefined ? [] : this.#denyIf(`!ended${id}`, range, scope)),
    ];
  }

  #list(list: Loop<'list'>, scope: Scope): string[] {
    const { walk: id } = list;
    const { write } = scope;
    return [
      `uint64_t p${id} = ${write.number(list.first)};`,
      `bool ended${id} = false;`,
      `for (uint64_t i${id} = 0; i${id} < ${list.bound}; i${id}++) {`,
      ...indent([
        ...this.#copyStructure(list, scope),
        ...this.#statements(list.body, { ...scope, depth: scope.depth + 1 }),
        `if (!${write.operand(list.more)}) {`,
        `  ended${id} = true;`,
        '  break;',
        '}',
        ...assignment(`p${id}`, write.number(list.next)),
      ]),
      '}',
      ...this.#denyIf(`!ended${id}`, list.range, scope),
    ];
  }
}

/** Nothing where it would assign a thing to itself: compilers warn of that. */
function assignment(to: string, value: string): string[] {
  return value === to ? [] : [`${to} = ${value};`];
}

/** Says of constants that nobody reads that this is as it should be, or compilers would warn. */
function quiet(lines: readonly string[]): string[] {
  const text = lines.join('\n');
  return lines.flatMap((line) => {
    const name = /^(\s*)const uint(?:64_t|8_t \*const) (\w+) =/.exec(line);
    if (name === null || [...text.matchAll(new RegExp(`\\b${name[2] ?? ''}\\b`, 'g'))].length > 1) return [line];
    return [line, `${name[1] ?? ''}(void)${name[2] ?? ''};`];
  });
}

/** Where the addresses of the language end. */
export const ADDRESS_LIMIT = constant(2n ** 52n);
