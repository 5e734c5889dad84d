/**
 * Imports from the disk, for those who run on one: `std/` from the language's own folder, all else from one folder tree.
 *
 * A specification may come from a stranger: no path, link or special file leads out of the folder it lies in.
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Load } from './imports.ts';
import { SOURCE_BYTES_MAX } from './source.ts';

/** The folder that holds `std/`. Compiled code runs from `dist/`; specifications stay where they are written. */
function standardFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, 'dsslang');
}

/**
 * @param file the specification: what it imports lies in its folder or below
 * @param name what messages call it
 * @returns undefined for whatever lies elsewhere, is no plain file, or is larger than a specification may be
 */
export function loadFrom(file: string, name = file): Load {
  return ({ from, path }) =>
    from === 'standard'
      ? readBelow(join(standardFolder(), 'std'), join(standardFolder(), path))
      : readBelow(dirname(file), join(dirname(file), relative(dirname(name), path)));
}

function readBelow(folder: string, path: string): Uint8Array | undefined {
  try {
    const root = realpathSync(folder);
    const real = realpathSync(path);
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
    const status = statSync(real);
    return status.isFile() && status.size <= SOURCE_BYTES_MAX ? readFileSync(real) : undefined;
  } catch {
    return undefined; // no such file, or not ours to read
  }
}
