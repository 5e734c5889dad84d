/** A region in someone's hands: live, through a volume or a transaction, or as it was, through a snapshot. */
import type { Batch } from './batch.ts';
import { readRegion } from './region-edit.ts';
import type { VolumeCore, VolumeState } from './volume-core.ts';

/** Which batch a handle belongs to at the moment. */
export interface BatchSource {
  forWriting(): Batch;
  forReading(): Batch | undefined;
}

export class Region {
  readonly name: string;
  readonly #core: VolumeCore;
  readonly #batches: BatchSource;

  constructor(name: string, core: VolumeCore, batches: BatchSource) {
    this.name = name;
    this.#core = core;
    this.#batches = batches;
  }

  get sizeBytes(): number {
    const batch = this.#batches.forReading();
    if (batch !== undefined) return batch.region(this.name).sizeBytes;
    return this.#core.findRegion(this.#core.state, this.name).sizeBytes;
  }

  /**
   * Verified bytes, with what this writer has written and not yet committed. Never-written bytes are zeros.
   * @throws RangeError past the end; SsrError `SSR_BLOCK_CORRUPT` with level and block, `SSR_NO_REGION`
   */
  read(offset: number, length: number): Uint8Array {
    const batch = this.#batches.forReading();
    if (batch !== undefined) return batch.region(this.name).read(offset, length);
    const record = this.#core.findRegion(this.#core.state, this.name);
    return readRegion(this.#core.io, this.#core.identity(record), record, offset, length);
  }

  /** Copies `bytes` into the region. @throws RangeError past the end; SsrError `SSR_NO_SPACE`, `SSR_BLOCK_CORRUPT` */
  write(offset: number, bytes: Uint8Array): void {
    this.#batches.forWriting().region(this.name).write(offset, bytes);
  }

  /** New bytes are zeros; what is cut off is gone. */
  resize(sizeBytes: number): void {
    this.#batches.forWriting().region(this.name).resize(sizeBytes);
  }

  /** Seals the whole region anew under a fresh key. */
  rotateKey(): void {
    this.#batches.forWriting().region(this.name).rotateKey();
  }
}

/** All regions as they were at one moment. Blocks that it reads are not used again until it is closed. */
export class Snapshot {
  readonly #core: VolumeCore;
  readonly #state: VolumeState;
  readonly #unpin: () => void;

  constructor(core: VolumeCore) {
    const { state, unpin } = core.pin();
    this.#core = core;
    this.#state = state;
    this.#unpin = unpin;
  }

  names(): string[] {
    return [...this.#state.regions.keys()].sort();
  }

  sizeBytes(name: string): number {
    return this.#core.findRegion(this.#state, name).sizeBytes;
  }

  /** @throws as `Region.read` */
  read(name: string, offset: number, length: number): Uint8Array {
    const record = this.#core.findRegion(this.#state, name);
    return readRegion(this.#core.io, this.#core.identity(record), record, offset, length);
  }

  /** Idempotent. Reading after it is answered by an error or by what was there, never by anything else. */
  close(): void {
    this.#unpin();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
