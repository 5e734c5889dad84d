/**
 * Verified nodes in memory, bounded in bytes: what makes a warm read cost one block and not a path.
 *
 * A node is kept under its address together with the seal it was verified against, and given out only to who asks for
 * that same seal. Copy-on-write makes invalidation needless: a new version has another seal, whatever its address.
 */
import { equalBytes } from './tpm/codec.ts';

interface CachedNode {
  readonly seal: Uint8Array;
  readonly bytes: Uint8Array;
}

export class NodeCache {
  readonly #sizeMaxBytes: number;
  /** In order of last use, oldest first. */
  readonly #nodes = new Map<number, CachedNode>();
  #sizeBytes = 0;

  constructor(sizeMaxBytes: number) {
    this.#sizeMaxBytes = sizeMaxBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The node, not to be changed. */
  get(address: number, seal: Uint8Array): Uint8Array | undefined {
    const found = this.#nodes.get(address);
    if (found === undefined || !equalBytes(found.seal, seal)) return undefined;
    this.#nodes.delete(address);
    this.#nodes.set(address, found);
    return found.bytes;
  }

  /** Takes over `bytes`: verified, and never changed from now on. */
  put(address: number, seal: Uint8Array, bytes: Uint8Array): void {
    this.#drop(address);
    if (bytes.length > this.#sizeMaxBytes) return;
    this.#nodes.set(address, { seal: seal.slice(), bytes });
    this.#sizeBytes += bytes.length;
    for (const oldest of this.#nodes.keys()) {
      if (this.#sizeBytes <= this.#sizeMaxBytes) break;
      this.#drop(oldest);
    }
  }

  #drop(address: number): void {
    const found = this.#nodes.get(address);
    if (found === undefined) return;
    this.#nodes.delete(address);
    this.#sizeBytes -= found.bytes.length;
  }
}
