/** Scrubbing: reads and verifies every block of a state, and lists what is damaged instead of stopping at it. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { TreeIdentity } from './block-io.ts';
import { ENTRY_SIZE_BYTES, readEntry } from './entry.ts';
import type { Entry, TreeRoot } from './entry.ts';
import { SsrError } from './errors.ts';
import type { VolumeCore } from './volume-core.ts';

export interface Damage {
  readonly region: string;
  /** 0 for data; a damaged node hides everything below it. */
  readonly level: number;
  readonly block: number;
  readonly message: string;
}

export interface ScrubReport {
  readonly blocks: number;
  readonly nodes: number;
  readonly damage: readonly Damage[];
}

/** Others get their turn after this many blocks. */
const BLOCKS_PER_TURN = 256;

/** Verifies regions, directory and free map of the last state, on the disk and not in the cache. */
export async function scrub(
  core: VolumeCore,
  onProgress: (doneBytes: number, totalBytes: number) => void = () => undefined,
): Promise<ScrubReport> {
  const { state, unpin } = core.pin();
  const damage: Damage[] = [];
  const counts = { blocks: 0, nodes: 0 };
  const { io } = core;
  const totalBytes = [...state.regions.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let doneBytes = 0;

  async function visit(tree: TreeIdentity, level: number, index: number, entry: Entry): Promise<void> {
    const bytes = new Uint8Array(level === 0 ? io.blockSizeBytes : io.nodeSizeBytes);
    try {
      io.readBlock(tree, level, index, entry, bytes);
    } catch (error) {
      if (!(error instanceof SsrError)) throw error;
      damage.push({ region: tree.name, level, block: index, message: error.message });
      return;
    }
    if (level === 0) {
      counts.blocks += 1;
      if (counts.blocks % BLOCKS_PER_TURN === 0) {
        onProgress(doneBytes + Math.min(index * io.blockSizeBytes, totalBytes), totalBytes);
        await breathe();
      }
      return;
    }
    counts.nodes += 1;
    for (let child = 0; child < io.arity; child += 1) {
      const next = readEntry(bytes, child * ENTRY_SIZE_BYTES);
      if (next !== undefined) await visit(tree, level - 1, index * io.arity + child, next);
    }
  }

  async function visitTree(tree: TreeIdentity, root: TreeRoot): Promise<void> {
    const entry = readEntry(root.entry, 0);
    if (entry !== undefined) await visit(tree, root.height, 0, entry);
  }

  try {
    await visitTree(core.directoryTree, state.directory);
    await visitTree(core.freeMap.tree, state.freeMap);
    for (const record of state.regions.values()) {
      await visitTree(core.identity(record), record.root);
      doneBytes += record.sizeBytes;
    }
  } finally {
    unpin();
  }
  return { ...counts, damage };
}
