/** How much memory this process and those that it started use, pages that several of them share counted once (Linux, proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

/** The proportional set size of one process in bytes; 0 when it is gone. */
function proportionalBytes(pid: string): number {
  try {
    const kib = /^Pss:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    return 1024 * Number(kib ?? 0);
  } catch {
    return 0;
  }
}

function parentOf(pid: string): number {
  try {
    // The name in brackets may hold anything, so what follows its last bracket counts: state, then parent.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

export function memoryInUse(): number {
  const children = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && parentOf(name) === process.pid);
  return ['self', ...children].reduce((sum, pid) => sum + proportionalBytes(pid), 0);
}
