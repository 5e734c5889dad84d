/**
 * The nodes of one level that must be hashed again: single ones, sorted, and every node from `suffixStart` on.
 *
 * An update dirties a node here and there, an append dirties the end of the level; both move to the parents' level by
 * dividing by the arity. Sorted numbers stay sorted then, so that duplicates are neighbours and each parent is kept once.
 */
export class DirtyNodes {
  #list = new Uint32Array(64);
  #count = 0;
  #suffixStart = Infinity;

  get isEmpty(): boolean {
    return this.#count === 0 && this.#suffixStart === Infinity;
  }

  /** The first node of the dirty suffix, or Infinity. */
  get suffixStart(): number {
    return this.#suffixStart;
  }

  /** The single dirty nodes are the first `count` of `list`; sorted, distinct and before the suffix once `sort` was called. */
  get list(): Uint32Array {
    return this.#list;
  }

  get count(): number {
    return this.#count;
  }

  add(index: number): void {
    if (this.#count === this.#list.length) {
      const grown = new Uint32Array(this.#list.length * 2);
      grown.set(this.#list);
      this.#list = grown;
    }
    this.#list[this.#count] = index;
    this.#count += 1;
  }

  addSuffix(from: number): void {
    this.#suffixStart = Math.min(this.#suffixStart, from);
    if (from === 0) this.#count = 0;
  }

  /** Brings the list into order and drops what the suffix or the level's end (`nodes`) makes superfluous. */
  sort(nodes: number): void {
    if (this.#count > 1) this.#list.subarray(0, this.#count).sort();
    this.#keepDistinct(1, Math.min(nodes, this.#suffixStart));
  }

  /** Moves up one level, to one with `nodes` nodes. */
  toParents(arity: number, nodes: number): void {
    if (this.#suffixStart !== Infinity) this.#suffixStart = Math.min(Math.floor(this.#suffixStart / arity), nodes - 1);
    this.#keepDistinct(arity, Math.min(nodes, this.#suffixStart));
  }

  clear(): void {
    this.#count = 0;
    this.#suffixStart = Infinity;
    if (this.#list.length > 65_536) this.#list = new Uint32Array(64);
  }

  #keepDistinct(divisor: number, end: number): void {
    const list = this.#list;
    let kept = 0;
    let last = -1;
    for (let k = 0; k < this.#count; k += 1) {
      const node = Math.floor((list[k] ?? 0) / divisor);
      if (node >= end) break;
      if (node !== last) {
        list[kept] = node;
        kept += 1;
        last = node;
      }
    }
    this.#count = kept;
  }
}
