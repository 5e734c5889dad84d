/** The package's own files, that commands show or copy: pages of diagnostics, templates. Built, bundled or installed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of refmon's `package.json`. @throws Error if the package is incomplete */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'dsslang', 'explain', 'DSS001.md'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the refmon package is incomplete: dsslang/explain is missing');
    folder = parent;
  }
  return folder;
}

/** Text of a file in the package; undefined if there is none. */
export function packageText(...path: readonly string[]): string | undefined {
  const file = join(packageRoot(), ...path);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** All files of a folder of the package. */
export function packageFolder(...path: readonly string[]): { path: string; text: string }[] {
  const folder = join(packageRoot(), ...path);
  return readdirSync(folder)
    .sort()
    .map((name) => ({ path: name, text: readFileSync(join(folder, name), 'utf8') }));
}
