/**
 * A folder of this process's own in the temporary directory, and an end to those that killed processes have left there.
 *
 * `kill -9` leaves no time to clean up, so the next start does. It takes away nothing but a real folder with our kind of
 * name, of this user, whose mark says that it was made in this process-id namespace (two containers may share /tmp and
 * number their processes alike), and whose process is gone. A number that is in use again keeps its folder.
 */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OURS = /^refmon-([1-9][0-9]{0,9})-[A-Za-z0-9]{6}$/;
const MARK = 'made-in';

/** Makes the folder; the caller removes it. */
export function openOwnFolder(parent: string = tmpdir()): string {
  removeAbandoned(parent);
  const folder = mkdtempSync(join(parent, `refmon-${process.pid}-`));
  writeFileSync(join(folder, MARK), namespace());
  return folder;
}

/** Removes what processes that are gone have left. Never throws: it is not what the caller came for. */
function removeAbandoned(parent: string): void {
  for (const name of namesIn(parent)) {
    const pid = Number(OURS.exec(name)?.[1] ?? 0);
    const folder = join(parent, name);
    try {
      if (pid === 0 || isAlive(pid) || !isOurs(folder)) continue;
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Somebody else was faster, or it is not ours to remove.
    }
  }
}

function namesIn(parent: string): readonly string[] {
  try {
    return readdirSync(parent);
  } catch {
    return [];
  }
}

function isOurs(folder: string): boolean {
  const found = lstatSync(folder);
  return (
    found.isDirectory() &&
    found.uid === process.getuid?.() &&
    namespace() !== '' &&
    readFileSync(join(folder, MARK), 'utf8') === namespace()
  );
}

/** Linux, namespaces(7); empty where it cannot be told. */
function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return (error as { readonly code?: unknown }).code !== 'ESRCH';
  }
}
