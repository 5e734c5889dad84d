/**
 * Where one value of the state is kept: a scalar; or, inside an engine, the element of an array that belongs to it.
 *
 * Everything that an author declares once (a variable, a machine, a clock) is made through here, so that an array of
 * identical engines costs its features nothing: inside an engine a cell is read and written at the engine's own index.
 */
import type { NumberExpr, Statement, StateArray } from '../ir.ts';
import type { Context } from './context.ts';
import type { Cell } from './symbols.ts';

/** What a new cell holds. */
export type Contents = Omit<StateArray, 'count'>;

/** A cell of the device, or one for each element of the engine whose body is being read. */
export function newCell(contents: Contents, context: Context): Cell {
  const { engine } = context;
  if (engine === undefined) return { kind: 'scalar', scalar: context.scalar(contents) };
  return arrayCell({ ...contents, name: `${engine.name}.${contents.name}` }, engine.count, context);
}

export function arrayCell(contents: Contents, count: number, context: Context): Extract<Cell, { kind: 'array' }> {
  context.arrays.push({ ...contents, count });
  return { kind: 'array', array: context.arrays.length - 1 };
}

/** @param index the element; without one, that of the engine whose body is being read */
export function readCell(cell: Cell, context: Context, index?: NumberExpr): NumberExpr {
  if (cell.kind === 'scalar') return context.readScalar(cell.scalar);
  const max = context.arrays[cell.array]?.max ?? 0n;
  return { op: 'element', array: cell.array, index: index ?? ownIndex(context), max };
}

export function writeCell(cell: Cell, value: NumberExpr, context: Context, index?: NumberExpr): Statement {
  return cell.kind === 'scalar'
    ? { op: 'set', scalar: cell.scalar, value }
    : { op: 'setElement', array: cell.array, index: index ?? ownIndex(context), value };
}

/** Writes every element. */
export function fillCell(cell: Cell, value: NumberExpr): Statement {
  return cell.kind === 'scalar' ? { op: 'set', scalar: cell.scalar, value } : { op: 'fill', array: cell.array, value };
}

/** The element of a register array that is being accessed. */
export const accessedIndex = (count: number): NumberExpr => ({
  op: 'argument',
  argument: 'index',
  max: BigInt(count - 1),
});

function ownIndex(context: Context): NumberExpr {
  return context.engine?.index ?? { op: 'const', value: 0n, max: 0n };
}
