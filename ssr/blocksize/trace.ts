/**
 * Reads a trace of writes: one access a line, `offset length` in decimal bytes; an empty line ends a commit; `#` starts
 * a comment. A trace without empty lines is cut into commits of a given number of accesses.
 */
import type { Access } from './workload.ts';

/** More than enough for a picture of a workload; bounds the optimiser's time. */
export const TRACE_ACCESSES_MAX = 200_000;

/** @throws RangeError that names the line at fault, or if the trace is empty or too long */
export function parseTrace(text: string, updatesPerCommit: number): readonly (readonly Access[])[] {
  const commits: Access[][] = [[]];
  let count = 0;
  text.split('\n').forEach((line, number) => {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') {
      if (line.trim() === '' && commits.at(-1)?.length !== 0) commits.push([]);
      return;
    }
    const match = /^(\d{1,15})\s+(\d{1,15})$/.exec(content);
    if (match === null || Number(match[2]) < 1) {
      throw new RangeError(
        `line ${number + 1} of the trace is \`${content.slice(0, 60)}\`, not \`offset length\` in bytes`,
      );
    }
    count += 1;
    if (count > TRACE_ACCESSES_MAX) throw new RangeError(`the trace has more than ${TRACE_ACCESSES_MAX} accesses`);
    commits.at(-1)?.push({ offset: Number(match[1]), lengthBytes: Number(match[2]) });
  });
  const full = commits.filter((commit) => commit.length > 0);
  const [only] = full;
  if (only === undefined) throw new RangeError('the trace has no accesses');
  return full.length > 1 ? full : cut(only, updatesPerCommit);
}

function cut(accesses: readonly Access[], size: number): readonly (readonly Access[])[] {
  return Array.from({ length: Math.ceil(accesses.length / size) }, (_, k) => accesses.slice(k * size, (k + 1) * size));
}
