/**
 * What one commit costs, in microseconds, for a given leaf size and arity: hashing, cipher, disk and TPM.
 *
 * C = E0 (leaf of s bytes) + sum over levels i >= 1 of Ei (node of B digests), with Ei the expected touched nodes of
 * span s B^i (`workload.ts`). Levels go up to the first that has one node. An inner node is charged the B h bytes that
 * are hashed for it; the original's exact routine charged a single digest. A short last leaf or node counts as a whole one.
 */
import type { Touched } from './workload.ts';

/** A line: microseconds = fixedUs + perByteUs * bytes. */
export interface LinearCost {
  readonly fixedUs: number;
  readonly perByteUs: number;
}

/** The price of hashing, as the cost model sees it. */
export interface HashCost {
  readonly name: string;
  readonly digestSizeBytes: number;
  /**
   * Microseconds to hash `messages` bodies of one size, on average; `messages` need not be whole. They lie scattered over
   * `levelSizeBytes` bytes of digests: beyond the processor's cache each costs a trip to memory.
   */
  levelUs(messages: number, bodySizeBytes: number, levelSizeBytes: number): number;
  /** The same for inner nodes, where an engine hashes them cheaper than leaves: they lie in its own memory. */
  nodeLevelUs?(messages: number, bodySizeBytes: number, levelSizeBytes: number): number;
  /** Rate for hashing the region as one message, microseconds per byte. */
  readonly wholeRegionPerByteUs: number;
}

/** One write per touched leaf and node group, rounded up to sectors. */
export interface DiskCost extends LinearCost {
  readonly sectorSizeBytes: number;
}

/** What the tree itself does besides hashing. Microseconds. */
export interface BookkeepingCost {
  /** Sorting and staging one new leaf. */
  readonly perLeafUs: number;
  /** Copying it. */
  readonly perLeafByteUs: number;
  /** Finding a touched node above the leaves, and handing it to the engine. */
  readonly perNodeUs: number;
}

export interface CostTerms {
  readonly hash: HashCost;
  /** AES per touched leaf. */
  readonly cipher?: LinearCost;
  readonly disk?: DiskCost;
  readonly bookkeeping?: BookkeepingCost;
  /** The TPM's part of one commit: its NV write. The same for every geometry, but it decides what a commit is worth. */
  readonly tpmCommitUs?: number;
}

export interface CommitCost {
  readonly leafSizeBytes: number;
  readonly arity: number;
  readonly levels: number;
  readonly touchedLeaves: number;
  readonly touchedNodes: number;
  readonly leafHashUs: number;
  readonly nodeHashUs: number;
  readonly bookkeepingUs: number;
  readonly cipherUs: number;
  readonly diskUs: number;
  readonly tpmUs: number;
  readonly totalUs: number;
}

/** SHA-1 and SHA-256 work on blocks of 64 bytes and append at least 9 (FIPS 180-4, section 5.1.1). */
export const SHA_BLOCK_BYTES = 64;
export const SHA_PADDING_MIN_BYTES = 9;

/** Bytes that SHA really processes for a message. */
export function shaSteppedBytes(messageBytes: number): number {
  return SHA_BLOCK_BYTES * Math.ceil((messageBytes + SHA_PADDING_MIN_BYTES) / SHA_BLOCK_BYTES);
}

/** The largest leaf that needs no more SHA blocks than one of `leafBytes`: 55, 119, 183, ... less the prefix. */
export function shaEdgeAtOrAbove(leafBytes: number, prefixSizeBytes = 0): number {
  return shaSteppedBytes(leafBytes + prefixSizeBytes) - SHA_PADDING_MIN_BYTES - prefixSizeBytes;
}

/** A hash whose price is a line, over the message's bytes or (`stepped`) over the bytes of its SHA blocks. */
export function linearHashCost(line: {
  readonly name: string;
  readonly fixedUs: number;
  readonly perByteUs: number;
  readonly digestSizeBytes: number;
  readonly stepped: boolean;
  /** Bytes of prefix in each message; counted only where steps make them matter, else part of the fixed cost. */
  readonly prefixSizeBytes: number;
  readonly wholeRegionPerByteUs?: number;
  /** What a message with a body of this size costs over what the line says; 1 if absent. */
  readonly factor?: (bodySizeBytes: number) => number;
  /** Messages hashed together for the price of one group; a level's last group is partly idle. */
  readonly lanes?: number;
  /** Added per message in a level of so many bytes, which the cache does not hold; nothing if absent. */
  readonly memoryUs?: (levelSizeBytes: number) => number;
  /** Added once for a level, whose messages are handed over in one call. */
  readonly callUs?: number;
}): HashCost {
  const { fixedUs, perByteUs, stepped, prefixSizeBytes, lanes = 1, callUs = 0, factor, memoryUs } = line;
  return {
    name: line.name,
    digestSizeBytes: line.digestSizeBytes,
    wholeRegionPerByteUs: line.wholeRegionPerByteUs ?? perByteUs,
    levelUs(messages, bodySizeBytes, levelSizeBytes) {
      const bytes = stepped ? shaSteppedBytes(bodySizeBytes + prefixSizeBytes) : bodySizeBytes;
      // On average (lanes - 1) / 2 lanes of the last group idle, but never more than make up one group.
      const charged = messages <= 0 ? 0 : Math.max(messages + (lanes - 1) / 2, Math.min(lanes, lanes * messages));
      const messageUs = (fixedUs + perByteUs * bytes) * (factor?.(bodySizeBytes) ?? 1);
      return charged * messageUs + messages * (memoryUs?.(levelSizeBytes) ?? 0) + Math.min(1, messages) * callUs;
    },
  };
}

function nodeLevelUs(hash: HashCost, messages: number, bodySizeBytes: number, levelSizeBytes: number): number {
  return hash.nodeLevelUs === undefined
    ? hash.levelUs(messages, bodySizeBytes, levelSizeBytes)
    : hash.nodeLevelUs(messages, bodySizeBytes, levelSizeBytes);
}

function writeUs(disk: DiskCost, bytes: number): number {
  return disk.fixedUs + disk.perByteUs * disk.sectorSizeBytes * Math.ceil(bytes / disk.sectorSizeBytes);
}

/** Expected cost of one commit on a tree of this geometry. */
export function commitCost(
  geometry: { readonly leafSizeBytes: number; readonly arity: number },
  sizeBytes: number,
  touched: Touched,
  terms: CostTerms,
): CommitCost {
  const { leafSizeBytes, arity } = geometry;
  const leafBytes = Math.min(leafSizeBytes, sizeBytes);
  const nodeBytes = arity * terms.hash.digestSizeBytes;
  const touchedLeaves = touched(leafSizeBytes);
  let touchedNodes = 0;
  let nodeHashUs = 0;
  let levels = 1;
  let spanBytes = leafSizeBytes;
  const leaves = Math.ceil(sizeBytes / leafSizeBytes);
  for (let below = leaves; below > 1; below = Math.ceil(below / arity)) {
    spanBytes *= arity;
    const expected = touched(spanBytes);
    touchedNodes += expected;
    nodeHashUs += nodeLevelUs(terms.hash, expected, nodeBytes, below * terms.hash.digestSizeBytes);
    levels += 1;
  }
  const leafHashUs = terms.hash.levelUs(touchedLeaves, leafBytes, leaves * terms.hash.digestSizeBytes);
  const { perLeafUs = 0, perLeafByteUs = 0, perNodeUs = 0 } = terms.bookkeeping ?? {};
  const bookkeepingUs = touchedLeaves * (perLeafUs + perLeafByteUs * leafBytes) + touchedNodes * perNodeUs;
  const cipherUs = terms.cipher ? touchedLeaves * (terms.cipher.fixedUs + terms.cipher.perByteUs * leafBytes) : 0;
  const diskUs = terms.disk
    ? touchedLeaves * writeUs(terms.disk, leafBytes) + touchedNodes * writeUs(terms.disk, nodeBytes)
    : 0;
  const tpmUs = terms.tpmCommitUs ?? 0;
  const totalUs = leafHashUs + nodeHashUs + bookkeepingUs + cipherUs + diskUs + tpmUs;
  const counts = { levels, touchedLeaves, touchedNodes };
  return { leafSizeBytes, arity, ...counts, leafHashUs, nodeHashUs, bookkeepingUs, cipherUs, diskUs, tpmUs, totalUs };
}

/** No tree at all: the region hashed, encrypted and written as one block at every commit. */
export function wholeRegionUs(sizeBytes: number, terms: CostTerms): number {
  const cipherUs = terms.cipher ? terms.cipher.fixedUs + terms.cipher.perByteUs * sizeBytes : 0;
  const diskUs = terms.disk ? writeUs(terms.disk, sizeBytes) : 0;
  return terms.hash.wholeRegionPerByteUs * sizeBytes + cipherUs + diskUs + (terms.tpmCommitUs ?? 0);
}
