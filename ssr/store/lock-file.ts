/**
 * One opener at a time, by a file that names its owner.
 *
 * The file `X.lock` is made with `link`, so that it appears whole or not at all. It holds the owner's process id and the
 * time that process started, for ids are used again. A lock whose owner is dead is broken under a second lock,
 * `X.lock.breaking`: otherwise two that see the same dead owner could each remove the other's fresh lock. If someone
 * died just while breaking, nobody can tell and all are refused, with the name of the file to remove.
 * What it is not: protection against other programs, or across machines that share a file system.
 */
import { linkSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { SsrError } from '../errors.ts';

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** Start time of a process in clock ticks since boot, field 22 of /proc/PID/stat; empty where there is no /proc. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Does the process that wrote this still run? Whatever cannot be read counts as alive: refuse rather than share. */
function isOwnerAlive(text: string): boolean {
  const match = /^(\d+) (\d*)\n$/.exec(text);
  if (match === null) return true;
  const pid = Number(match[1]);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return !isCode(error, 'ESRCH');
  }
  return !isZombie(pid) && startTimeOf(pid) === match[2];
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function refuse(path: string, owner: string): SsrError {
  const pid = /^\d+/.exec(owner)?.[0] ?? 'unknown';
  return new SsrError('SSR_STORE_LOCKED', `${path} is open in process ${pid}`, {
    help: 'end that process first; two writers would fork the store',
  });
}

/** @returns true if the link was made, false if `path` exists */
function tryLink(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function breakStale(path: string, own: string): boolean {
  const breaking = `${path}.breaking`;
  if (!tryLink(own, breaking)) {
    const breaker = readOrUndefined(breaking);
    if (breaker === undefined || isOwnerAlive(breaker)) return false;
    throw new SsrError('SSR_STORE_LOCKED', `a process died while it took over ${path}`, {
      help: `make sure that nothing uses the store, then remove ${path} and ${breaking}`,
    });
  }
  try {
    const text = readOrUndefined(path);
    if (text !== undefined && isOwnerAlive(text)) return false;
    if (text !== undefined) unlinkSync(path);
    return tryLink(own, path);
  } finally {
    unlinkSync(breaking);
  }
}

let lockCount = 0;

/**
 * Takes the lock file `path`. @returns what gives it back
 * @throws SsrError `SSR_STORE_LOCKED` if its owner lives (this process counts)
 */
export function takeLock(path: string): () => void {
  lockCount += 1;
  const own = `${path}.${process.pid}.${lockCount}`;
  writeFileSync(own, `${process.pid} ${startTimeOf(process.pid)}\n`, { mode: 0o600 });
  try {
    if (!tryLink(own, path)) {
      const owner = readOrUndefined(path) ?? '';
      if (isOwnerAlive(owner) || !breakStale(path, own)) throw refuse(path, readOrUndefined(path) ?? owner);
    }
  } finally {
    rmSync(own, { force: true });
  }
  return () => {
    rmSync(path, { force: true });
  };
}
