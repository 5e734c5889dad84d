/**
 * Watching specifications: calls back when one of them, or another one beside it, has changed.
 *
 * Editors replace a file rather than write into it, so folders are watched, not files; and they do it in several steps, so
 * changes are gathered until nothing has happened for a moment.
 */
import { watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';

export const DEBOUNCE_MS = 50;

export interface Watching {
  close(): void;
}

/** @param files paths of specifications @throws a system error if a folder cannot be watched */
export function watchSpecifications(
  files: readonly string[],
  onChange: () => void,
  debounceMs: number = DEBOUNCE_MS,
): Watching {
  let timer: NodeJS.Timeout | undefined;
  const watchers: FSWatcher[] = [];
  const folders = new Set(files.map((file) => dirname(file)));
  for (const folder of folders) {
    const watcher = watch(folder, (_event, name) => {
      // Without a name the platform cannot say what changed: it may be ours.
      if (name !== null && !name.endsWith('.dss')) return;
      clearTimeout(timer);
      timer = setTimeout(onChange, debounceMs);
    });
    watchers.push(watcher);
  }
  return {
    close() {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
