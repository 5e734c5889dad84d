/**
 * Names and storage of an emitted C monitor: every variable of the specification is one field of one struct.
 *
 * A field has the least unsigned type that holds the variable's largest value; expressions are uint64_t throughout, so
 * narrowing happens only where a field is assigned, by a cast that the range checker has shown to lose nothing.
 */
import type { ArrayId, Program, ScalarId, TableId } from '../ir.ts';

export type Storage = 8 | 16 | 32 | 64;

/** A field of the struct, or a constant table. */
export interface Field {
  readonly name: string;
  readonly storage: Storage;
  /** 1 for a scalar. */
  readonly count: number;
  /** As the specification calls it. */
  readonly title: string;
}

export function storageOf(max: bigint): Storage {
  if (max < 2n ** 8n) return 8;
  if (max < 2n ** 16n) return 16;
  return max < 2n ** 32n ? 32 : 64;
}

export class CNames {
  /** Begins every external name. */
  readonly prefix: string;
  readonly scalars: readonly Field[];
  readonly arrays: readonly Field[];
  readonly tables: readonly Field[];
  readonly #taken = new Set<string>();

  constructor(program: Program) {
    this.prefix = identifier(program.device);
    this.scalars = program.scalars.map(({ name, max }) => this.#field('s', name, max, 1));
    this.arrays = program.arrays.map(({ name, max, count }) => this.#field('a', name, max, count));
    this.tables = program.tables.map(({ name, entries }) =>
      this.#field(
        `${this.prefix}_t`,
        name,
        entries.reduce((most, entry) => (entry > most ? entry : most), 0n),
        entries.length,
      ),
    );
  }

  #field(kind: string, title: string, max: bigint, count: number): Field {
    const wanted = `${kind}_${identifier(title)}`;
    let name = wanted;
    for (let number = 2; this.#taken.has(name); number += 1) name = `${wanted}_${number}`;
    this.#taken.add(name);
    return { name, storage: storageOf(max), count, title };
  }

  scalar(id: ScalarId): Field {
    return found(this.scalars[id]);
  }

  array(id: ArrayId): Field {
    return found(this.arrays[id]);
  }

  table(id: TableId): Field {
    return found(this.tables[id]);
  }
}

function found(field: Field | undefined): Field {
  if (field === undefined) throw new RangeError('the program names a variable that it does not have');
  return field;
}

/** Letters, digits and underscores; the kinds' prefixes keep C's own words apart. */
function identifier(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9]+/g, '_').replace(/^_+|_+$/g, '');
  return /^[A-Za-z]/.test(plain) ? plain : `x${plain}`;
}

/** For a comment: what cannot end it or begin another. */
export function commentText(text: string): string {
  return text.replace(/\*\/|\/\*|[^\x20-\x7e]/g, '?');
}
