/**
 * The meaning of statements. Each changes the frame of its transaction; a rule that does not hold ends it (`Denied`).
 */
import type { Statement } from '../ir.ts';
import { GRANT_COMMANDS } from '../runtime.ts';
import { inside, truth, value } from './expressions.ts';
import { Denied, type Frame } from './state.ts';

/** S17: the body of a check stands here, written out; nothing is left of the check itself. */
export function run(statements: readonly Statement[], frame: Frame): void {
  for (const statement of statements) execute(statement, frame);
}

function execute(statement: Statement, frame: Frame): void {
  switch (statement.op) {
    case 'require':
      if (!truth(statement.condition, frame)) throw new Denied(statement.rule);
      return;
    case 'set':
      frame.scalars[statement.scalar] = value(statement.value, frame);
      return;
    case 'let':
      frame.locals.set(statement.local, value(statement.value, frame));
      return;
    case 'if':
      run(truth(statement.condition, frame) ? statement.consequent : statement.alternative, frame);
      return;
    case 'note':
      if (!truth(statement.condition, frame) && frame.note === 0) frame.note = statement.rule;
      return;
    case 'clamp':
      if (truth(statement.condition, frame)) return;
      frame.arguments['value'] = value(statement.value, frame);
      if (frame.note === 0) frame.note = statement.rule;
      return;
    case 'setElement': {
      const array = frame.arrays[statement.array];
      const index = value(statement.index, frame);
      const element = value(statement.value, frame);
      if (array !== undefined && index < BigInt(array.length)) array[Number(index)] = element;
      return;
    }
    case 'fill':
      frame.arrays[statement.array]?.fill(value(statement.value, frame));
      return;
    case 'walk':
      return walk(statement, frame);
    case 'table':
      return table(statement, frame);
    case 'list':
      return list(statement, frame);
  }
}

/** A private copy of `size` bytes of command memory, as the descriptor of `walk`. S16: as it is, or as a store will leave it. */
function copy(
  statement: Extract<Statement, { op: 'walk' | 'table' | 'list' }>,
  place: bigint,
  frame: Frame,
): Uint8Array {
  const bytes = new Uint8Array(statement.size);
  const { memory } = frame;
  if (!inside(frame.state.grants, GRANT_COMMANDS, place, BigInt(statement.size))) throw new Denied(statement.memory);
  const copied =
    'stored' in statement && statement.stored
      ? memory.stored?.(Number(place), statement.size, bytes, 0)
      : memory.fetch(Number(place), statement.size, bytes, 0, statement.op === 'walk');
  if (copied !== true) throw new Denied(statement.memory);
  return bytes;
}

/** S9: the walk over a ring, on private copies. */
export function walk(statement: Extract<Statement, { op: 'walk' }>, frame: Frame): void {
  const base = value(statement.base, frame);
  const count = value(statement.count, frame);
  const from = value(statement.from, frame);
  const to = value(statement.to, frame);
  const size = BigInt(statement.size);
  if (from >= count || to >= count || count > BigInt(statement.bound)) throw new Denied(statement.range);
  if (!inside(frame.state.grants, GRANT_COMMANDS, base, count * size)) throw new Denied(statement.memory);
  const turns = to >= from ? to - from : to + count - from;
  // All of them are copied before any is judged: what is checked is one picture of the ring.
  const copies: { bytes: Uint8Array; place: bigint }[] = [];
  for (let turn = 0n; turn < turns; turn += 1n) {
    const place = base + ((from + turn) % count) * size;
    copies.push({ bytes: copy(statement, place, frame), place });
  }
  for (const descriptor of copies) {
    frame.descriptors.set(statement.walk, descriptor);
    run(statement.body, frame);
  }
}

/** S14: a table of structures, of known length or up to the one that ends it. */
export function table(statement: Extract<Statement, { op: 'table' }>, frame: Frame): void {
  const base = value(statement.base, frame);
  const count = value(statement.count, frame);
  if (count > BigInt(statement.bound)) throw new Denied(statement.range);
  for (let index = 0n; index < count; index += 1n) {
    const place = base + index * BigInt(statement.size);
    frame.descriptors.set(statement.walk, { bytes: copy(statement, place, frame), place });
    run(statement.body, frame);
    if (statement.until !== undefined && truth(statement.until, frame)) return;
  }
  if (statement.until !== undefined) throw new Denied(statement.range);
}

/** S15: a linked list, followed at most `bound` members far. */
function list(statement: Extract<Statement, { op: 'list' }>, frame: Frame): void {
  let place = value(statement.first, frame);
  for (let member = 0; member < statement.bound; member += 1) {
    frame.descriptors.set(statement.walk, { bytes: copy(statement, place, frame), place });
    run(statement.body, frame);
    if (!truth(statement.more, frame)) return;
    place = value(statement.next, frame);
  }
  throw new Denied(statement.range);
}
