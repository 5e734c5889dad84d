/** The medium of a modelled disk: what its controller's model takes as option, and how it looks from outside. */
import type { Disk } from '../../kernel/abi.ts';

export interface MediumOptions {
  /** Whole sectors; shared by all who hold the model, and by its far end. */
  readonly medium: SharedArrayBuffer;
}

export const MEDIUM_BYTES_DEFAULT = 1 << 20;

/** A fresh disk of zeros. */
export function blankMedium(sizeBytes = MEDIUM_BYTES_DEFAULT): MediumOptions {
  return { medium: new SharedArrayBuffer(sizeBytes) };
}

/** The options of a model; without any there is an empty disk of its own. */
export function mediumOf(options: unknown): MediumOptions {
  return (options as MediumOptions | undefined) ?? blankMedium();
}

/** The medium as another machine would find it. */
export function diskOf({ medium }: MediumOptions): Disk {
  const bytes = new Uint8Array(medium);
  function check(offset: number, length: number): void {
    if (Number.isSafeInteger(offset) && offset >= 0 && offset + length <= bytes.length) return;
    throw new RangeError(`the medium has ${bytes.length} bytes, and not ${length} from ${offset} on`);
  }
  return {
    sizeBytes: bytes.length,
    read(offset, length) {
      check(offset, length);
      return Uint8Array.from(bytes.subarray(offset, offset + length));
    },
    write(offset, from) {
      check(offset, from.length);
      bytes.set(from, offset);
    },
  };
}
