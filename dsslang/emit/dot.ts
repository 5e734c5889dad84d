/**
 * The machines of a specification as a Graphviz graph: one cluster a machine, one edge for each way from state to state.
 *
 * Edges are found in the core calculus: wherever a handler sets a machine, the handler's guard and the conditions around the
 * assignment say from which states that can happen; the rest of those conditions is the edge's label. An over-approximation:
 * `require` clauses only narrow the states, and a way that no run can take may be drawn. The reset, which leads from every
 * state to the first, is not; nor is a state to which no way leads.
 */
import type { BoolExpr, Machine, NumberExpr, Program, Register, Statement } from '../ir.ts';
import { blocksOf, boolInWords, holdsState, reactionsOf, type Surroundings } from './words.ts';

export interface Transition {
  /** Indices into the machine's states; different from each other. */
  readonly from: number;
  readonly to: number;
  /** `write TCTL [TCTL.EN]`. */
  readonly label: string;
}

const LABEL_CHARACTERS_MAX = 60;

/** Every way from one state of the machine to another, without duplicates. */
export function transitionsOf(program: Program, machine: Machine): Transition[] {
  const found = new Map<string, Transition>();
  for (const { name, register, reaction } of reactionsOf(program)) {
    for (const { guard, body } of reaction.handlers) {
      const walk: Walk = { program, machine, register, locals: new Map(), event: name, found };
      visit(body, [guard], [], walk);
    }
  }
  return [...found.values()];
}

interface Walk {
  readonly program: Program;
  readonly machine: Machine;
  readonly register: Register | undefined;
  readonly locals: Map<number, NumberExpr>;
  readonly event: string;
  readonly found: Map<string, Transition>;
}

/**
 * @param known what holds here and narrows the states: guards, conditions, clauses
 * @param asked the conditions that a label names
 */
function visit(
  statements: readonly Statement[],
  known: readonly BoolExpr[],
  asked: readonly BoolExpr[],
  walk: Walk,
): void {
  let held = known;
  for (const statement of statements) {
    switch (statement.op) {
      case 'require':
        held = [...held, statement.condition];
        break;
      case 'let':
        walk.locals.set(statement.local, statement.value);
        break;
      case 'if': {
        const not: BoolExpr = { op: 'not', of: statement.condition };
        visit(statement.consequent, [...held, statement.condition], [...asked, statement.condition], walk);
        visit(statement.alternative, [...held, not], [...asked, not], walk);
        if (assigns([statement], walk.machine)) held = [];
        break;
      }
      case 'walk':
      case 'table':
      case 'list':
        // A turn may follow another one.
        if (assigns(statement.body, walk.machine)) held = [];
        visit(statement.body, held, asked, walk);
        break;
      case 'set':
        if (assigns([statement], walk.machine)) {
          record(statement.value, held, asked, walk);
          held = [{ op: 'eq', left: { op: 'scalar', scalar: statement.scalar, max: 0n }, right: statement.value }];
        }
        break;
      case 'setElement':
      case 'fill':
        if (assigns([statement], walk.machine)) record(statement.value, held, asked, walk);
        break;
      default:
        break;
    }
  }
}

function assigns(statements: readonly Statement[], { scalar, array }: Machine): boolean {
  return statements.some((statement) => {
    if (statement.op === 'set') return array === undefined && statement.scalar === scalar;
    if (statement.op === 'setElement' || statement.op === 'fill') return statement.array === array?.id;
    return blocksOf(statement).some((block) => assigns(block, { name: '', states: [], scalar, array }));
  });
}

function record(value: NumberExpr, known: readonly BoolExpr[], asked: readonly BoolExpr[], walk: Walk): void {
  const at: Surroundings = { program: walk.program, register: walk.register, locals: walk.locals };
  const all: BoolExpr = { op: 'all', of: known };
  const conditions = asked.filter((each) => !isAboutOnly(each, walk.machine)).map((each) => boolInWords(each, at));
  const guard = conditions.join(', ');
  const shown = guard.length > LABEL_CHARACTERS_MAX ? `${guard.slice(0, LABEL_CHARACTERS_MAX - 3)}...` : guard;
  const label = shown === '' ? walk.event : `${walk.event} [${shown}]`;
  for (const to of constantsOf(value)) {
    for (const from of possibleStates(all, walk.machine)) {
      if (from !== to) walk.found.set(`${from} ${to} ${label}`, { from, to, label });
    }
  }
}

/** The values that an expression of states can have. */
function constantsOf(value: NumberExpr): number[] {
  if (value.op === 'const') return [Number(value.value)];
  return value.op === 'choice' ? [...constantsOf(value.left), ...constantsOf(value.right)] : [];
}

function isAboutOnly(condition: BoolExpr, machine: Machine): boolean {
  if (condition.op === 'not') return isAboutOnly(condition.of, machine);
  if (condition.op === 'all' || condition.op === 'any') return condition.of.every((each) => isAboutOnly(each, machine));
  return 'left' in condition && holdsState(condition.left, machine) && condition.right.op === 'const';
}

/** The states of the machine that a condition leaves possible. */
export function possibleStates(condition: BoolExpr, machine: Machine): Set<number> {
  return states(condition, machine, true);
}

function states(condition: BoolExpr, machine: Machine, wanted: boolean): Set<number> {
  const all = new Set(machine.states.keys());
  const both = (a: Set<number>, b: Set<number>): Set<number> => new Set([...a].filter((each) => b.has(each)));
  switch (condition.op) {
    case 'not':
      return states(condition.of, machine, !wanted);
    case 'all':
    case 'any': {
      const parts = condition.of.map((each) => states(each, machine, wanted));
      if ((condition.op === 'all') === wanted) return parts.reduce(both, all);
      return new Set(parts.flatMap((each) => [...each]));
    }
    case 'bool':
      return condition.value === wanted ? all : new Set();
    case 'eq':
    case 'ne': {
      const { left, right } = condition;
      if (!holdsState(left, machine) || right.op !== 'const') return all;
      const state = Number(right.value);
      return new Set([...all].filter((each) => (each === state) === ((condition.op === 'eq') === wanted)));
    }
    default:
      return all;
  }
}

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;

/** @returns a `digraph` in the DOT language */
export function emitDot(program: Program): string {
  const clusters = machinesOnce(program).flatMap((machine, index) => cluster(program, machine, index));
  return [
    `digraph ${quote(program.device)} {`,
    '  rankdir=LR; fontname="Helvetica"; labelloc=t; compound=true; nodesep=0.6; ranksep=1.2;',
    `  label=${quote(`device ${program.device}`)};`,
    '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="Helvetica"];',
    '  edge [fontname="Helvetica", fontsize=10];',
    ...clusters,
    '}',
    '',
  ].join('\n');
}

/** Of an array of engines, whose machines are alike, only the first. */
function machinesOnce(program: Program): Machine[] {
  const seen = new Set<number>();
  return program.machines.filter(({ array }) => {
    if (array === undefined) return true;
    if (seen.has(array.id)) return false;
    seen.add(array.id);
    return true;
  });
}

function cluster(program: Program, machine: Machine, index: number): string[] {
  const node = (state: number): string => `m${index}s${state}`;
  const initial = initialState(program, machine);
  const transitions = transitionsOf(program, machine);
  const reached = reachable(initial, transitions);
  const ways = new Map<string, { from: number; to: number; labels: string[] }>();
  for (const { from, to, label } of transitions.filter((each) => reached.has(each.from))) {
    const key = `${from}-${to}`;
    const way = ways.get(key) ?? { from, to, labels: [] };
    way.labels.push(label);
    ways.set(key, way);
  }
  return [
    `  subgraph cluster_${index} {`,
    `    label=${quote(`machine ${machine.name}`)}; style=rounded; color=gray60;`,
    `    start${index} [shape=point, width=0.12, label=""];`,
    ...machine.states.flatMap((state, at) =>
      reached.has(at) ? [`    ${node(at)} [label=${quote(state)}${at === initial ? ', penwidth=2' : ''}];`] : [],
    ),
    `    start${index} -> ${node(initial)};`,
    ...[...ways.values()].map(
      ({ from, to, labels }) => `    ${node(from)} -> ${node(to)} [label=${quote(labels.join('\n'))}];`,
    ),
    '  }',
  ];
}

function reachable(initial: number, transitions: readonly Transition[]): ReadonlySet<number> {
  const reached = new Set([initial]);
  // A set visits what is added during the visit.
  for (const state of reached) for (const { from, to } of transitions) if (from === state) reached.add(to);
  return reached;
}

function initialState(program: Program, { scalar, array }: Machine): number {
  const initial = array === undefined ? program.scalars[scalar]?.initial : program.arrays[array.id]?.initial;
  return Number(initial ?? 0n);
}
