/**
 * An entry: how a node names a child, in 48 bytes. It says where the child lies and proves which child it is.
 *
 * address (6, block number in the store; 0: nothing there, all zeros), key generation (2), version (8, the transaction
 * that wrote the child), seal (32): for encrypted children the GCM nonce (12) and tag (16), else the SHA-256 digest.
 * Whoever trusts a node therefore trusts its children once their seals hold; no table beside the tree is believed.
 */
import { readUint, writeUint } from './hash-engine.ts';

export const ENTRY_SIZE_BYTES = 48;
export const SEAL_SIZE_BYTES = 32;
const VERSION_AT = 8;
const SEAL_AT = 16;

export interface Entry {
  readonly address: number;
  readonly keyGeneration: number;
  readonly version: number;
  readonly seal: Uint8Array;
}

/** A copy-on-write tree as its parent knows it: an entry for the root, and the levels below it. */
export interface TreeRoot {
  /** All zeros for an empty tree. */
  readonly entry: Uint8Array;
  readonly height: number;
}

/** The entry at `offset`, or undefined for nothing there. The seal is a view into `node`. */
export function readEntry(node: Uint8Array, offset: number): Entry | undefined {
  const address = readUint(node, offset, 6);
  if (address === 0) return undefined;
  return {
    address,
    keyGeneration: readUint(node, offset + 6, 2),
    version: readUint(node, offset + VERSION_AT, 8),
    seal: node.subarray(offset + SEAL_AT, offset + ENTRY_SIZE_BYTES),
  };
}

export function writeEntry(node: Uint8Array, offset: number, entry: Entry | undefined): void {
  if (entry === undefined) {
    node.fill(0, offset, offset + ENTRY_SIZE_BYTES);
    return;
  }
  writeUint(node, offset, 6, entry.address);
  writeUint(node, offset + 6, 2, entry.keyGeneration);
  writeUint(node, offset + VERSION_AT, 8, entry.version);
  node.set(entry.seal, offset + SEAL_AT);
}
