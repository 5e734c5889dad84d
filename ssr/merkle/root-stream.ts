/**
 * The root of a stream, without keeping the tree: one unfinished node per level, so arity x depth digests of memory.
 *
 * For checking a file of any length against a root, or for finding the root of what is written once. A full node is
 * hashed only when its right neighbour begins, because until then it could be the root, whose tag is another.
 */
import type { HashEngine } from '../hash-engine.ts';
import { DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES, TAG_LEAF, TAG_NODE, TAG_ROOT, writePrefix } from '../hash-engine.ts';
import type { Tag } from '../hash-engine.ts';
import type { TreeGeometry } from './shape.ts';
import { leafSizeField, treeShape } from './shape.ts';

interface OpenNode {
  /** Prefix, then the children so far. */
  readonly message: Uint8Array;
  index: number;
  children: number;
}

export class RootStream {
  readonly #geometry: TreeGeometry;
  readonly #engine: HashEngine;
  readonly #leaf: Uint8Array;
  readonly #digest = new Uint8Array(DIGEST_SIZE_BYTES);
  /** The open node of level i + 1 is at i. */
  readonly #open: OpenNode[] = [];
  #leafBytes = 0;
  #leafIndex = 0;
  #sizeBytes = 0;
  #finished = false;

  /** @throws RangeError if the geometry is out of range */
  constructor(geometry: TreeGeometry, engine: HashEngine) {
    treeShape(geometry, 0);
    this.#geometry = { ...geometry };
    this.#engine = engine;
    this.#leaf = new Uint8Array(PREFIX_SIZE_BYTES + geometry.leafSizeBytes);
  }

  /** @throws RangeError if the stream becomes too long for its leaf size; Error after `finish` */
  append(chunk: Uint8Array): void {
    if (this.#finished) throw new Error('the stream is finished; nothing can be appended');
    const sizeBytes = this.#sizeBytes + chunk.length;
    treeShape({ ...this.#geometry, leafKind: 'data' }, sizeBytes);
    const { leafSizeBytes } = this.#geometry;
    for (let at = 0; at < chunk.length;) {
      const step = Math.min(leafSizeBytes - this.#leafBytes, chunk.length - at);
      this.#leaf.set(chunk.subarray(at, at + step), PREFIX_SIZE_BYTES + this.#leafBytes);
      this.#leafBytes += step;
      at += step;
      if (this.#leafBytes === leafSizeBytes) this.#closeLeaf();
    }
    this.#sizeBytes = sizeBytes;
  }

  /** The root, equal to that of a `MerkleTree` over the same bytes. Once only. */
  finish(): Uint8Array {
    if (this.#finished) throw new Error('the stream is finished already');
    treeShape(this.#geometry, this.#sizeBytes);
    this.#finished = true;
    const isData = this.#geometry.leafKind !== 'digests';
    if (this.#leafBytes > 0 || (isData && this.#leafIndex === 0)) this.#closeLeaf();
    if (this.#open.length === 0) this.#openNode(0);
    for (let i = 0; i + 1 < this.#open.length; i += 1) this.#closeNode(i);
    const top = this.#open.length - 1;
    this.#hashNode(top, TAG_ROOT, this.#sizeBytes);
    return this.#digest.slice();
  }

  #closeLeaf(): void {
    const bytes = this.#leaf.subarray(0, PREFIX_SIZE_BYTES + this.#leafBytes);
    if (this.#geometry.leafKind === 'digests') {
      this.#digest.set(bytes.subarray(PREFIX_SIZE_BYTES));
    } else {
      this.#writePrefix(bytes, TAG_LEAF, 0, this.#leafIndex);
      this.#engine.hash(bytes, this.#digest, 0);
    }
    this.#leafIndex += 1;
    this.#leafBytes = 0;
    this.#addChild(0);
  }

  /** Gives the digest at hand to the open node at `i`, after closing that if it is full. */
  #addChild(i: number): void {
    if (this.#open[i]?.children === this.#geometry.arity) {
      const child = this.#digest.slice();
      this.#closeNode(i);
      this.#digest.set(child);
    }
    const node = this.#open[i] ?? this.#openNode(i);
    node.message.set(this.#digest, PREFIX_SIZE_BYTES + node.children * DIGEST_SIZE_BYTES);
    node.children += 1;
  }

  #openNode(i: number): OpenNode {
    const message = new Uint8Array(PREFIX_SIZE_BYTES + this.#geometry.arity * DIGEST_SIZE_BYTES);
    const node = { message, index: 0, children: 0 };
    this.#open[i] = node;
    return node;
  }

  #closeNode(i: number): void {
    const node = this.#open[i];
    if (node === undefined) return;
    this.#hashNode(i, TAG_NODE, node.index);
    node.index += 1;
    node.children = 0;
    this.#addChild(i + 1);
  }

  #hashNode(i: number, tag: Tag, indexField: number): void {
    const node = this.#open[i];
    if (node === undefined) return;
    const message = node.message.subarray(0, PREFIX_SIZE_BYTES + node.children * DIGEST_SIZE_BYTES);
    this.#writePrefix(message, tag, i + 1, indexField);
    this.#engine.hash(message, this.#digest, 0);
  }

  #writePrefix(target: Uint8Array, tag: Tag, level: number, index: number): void {
    const leafSize = leafSizeField(this.#geometry);
    writePrefix(target, tag, level, { arity: this.#geometry.arity, leafSizeField: leafSize }, index);
  }
}
