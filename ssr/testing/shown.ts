/** What a mounted disk shows, beside what a model says: the oracle's two hands. */
import { SsrError } from '../errors.ts';
import { readRegion } from '../region-edit.ts';
import type { VolumeCore } from '../volume-core.ts';

/** Contents by region name. Constant. */
export type Model = ReadonlyMap<string, Uint8Array>;

export function keyOf(model: Model): string {
  return [...model.keys()]
    .sort()
    .map((name) => `${name}=${Buffer.from(model.get(name) ?? []).toString('latin1')}`)
    .join('|');
}

export type Shown =
  | { readonly kind: 'refused'; readonly code: string }
  | {
      readonly kind: 'mounted';
      /** Undefined for a region that cannot be read. */
      readonly regions: ReadonlyMap<string, Uint8Array | undefined>;
      readonly isDamaged: boolean;
      readonly key: string;
    };

/** What else a damaged disk is answered with: no superblock is left, or none whose sealed keys the TPM takes. */
const REFUSALS: ReadonlySet<string> = new Set(['SSR_NOT_A_VOLUME', 'SSR_KEYS_UNAVAILABLE']);

/** The refusal that `error` is. @throws anything else */
export function refusedBy(error: unknown): Shown {
  if (error instanceof SsrError && (error.isTamper || REFUSALS.has(error.code))) {
    return { kind: 'refused', code: error.code };
  }
  throw error;
}

export function readOrDamaged(read: () => Uint8Array): Uint8Array | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SsrError && error.code === 'SSR_BLOCK_CORRUPT') return undefined;
    throw error;
  }
}

export function shownRegions(regions: ReadonlyMap<string, Uint8Array | undefined>): Shown {
  const isDamaged = [...regions.values()].some((bytes) => bytes === undefined);
  const key = isDamaged ? '' : keyOf(regions as Model);
  return { kind: 'mounted', regions, isDamaged, key };
}

export function shownBy(core: VolumeCore): Shown {
  const regions = new Map<string, Uint8Array | undefined>();
  for (const record of core.state.regions.values()) {
    regions.set(
      record.name,
      readOrDamaged(() => readRegion(core.io, core.identity(record), record, 0, record.sizeBytes)),
    );
  }
  return shownRegions(regions);
}

/** Is this what the model says? On an attacked disk a region may fail to read; what reads must be right. */
export function isShown(
  model: Model,
  regions: ReadonlyMap<string, Uint8Array | undefined>,
  mayBeDamaged: boolean,
): boolean {
  if (model.size !== regions.size) return false;
  for (const [name, expected] of model) {
    if (!regions.has(name)) return false;
    const actual = regions.get(name);
    if (actual === undefined) {
      if (!mayBeDamaged) return false;
      continue;
    }
    if (Buffer.compare(expected, actual) !== 0) return false;
  }
  return true;
}
