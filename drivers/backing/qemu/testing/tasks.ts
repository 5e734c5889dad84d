/**
 * What a test may ask of a driver's thread (`worker.ts`), and what that thread says to it.
 */

export interface TaskStart {
  readonly module: string;
  readonly options: unknown;
  readonly dmaBase: number;
  readonly task: 'mac' | 'loop' | 'transmit' | 'receive' | 'edu-interrupt';
}

export type TaskReport =
  | { readonly kind: 'mac'; readonly mac: number[] }
  | { readonly kind: 'looping' }
  | { readonly kind: 'failed'; readonly codes: string[]; readonly messages: string[]; readonly atNs: bigint }
  | { readonly kind: 'rate'; readonly framesPerSecond: number; readonly usPerRead: number }
  | { readonly kind: 'listening' }
  | { readonly kind: 'frame'; readonly frame: Uint8Array; readonly atNs: bigint; readonly level: number }
  | { readonly kind: 'edges'; readonly edges: string[] };

/** Frames of the transmit task. */
export const TRANSMIT_COUNT = 3000;
export const TRANSMIT_BYTES = 1514;
