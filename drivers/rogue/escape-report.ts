/**
 * What the escape programs share: trying a trick, and judging honestly whether it reached anything.
 *
 * "Reached" means authority that was not given: a way to the process, to modules, to other threads, to the network or to
 * time, or a change to objects that trusted code also uses. Getting hold of a harmless object is not an escape.
 */
import type { DriverMessage } from '../../kernel/abi.ts';

/** A trick yields what it got hold of. */
export interface Trick {
  readonly name: string;
  try(): unknown;
}

/** Globals of node that a compartment does not have, each of which is authority. */
export const AUTHORITIES = [
  'process',
  'require',
  'module',
  'Buffer',
  'fetch',
  'setTimeout',
  'setImmediate',
  'queueMicrotask',
  'structuredClone',
  'performance',
  'crypto',
  'navigator',
  'Worker',
  'MessageChannel',
  'MessagePort',
  'BroadcastChannel',
  'postMessage',
] as const;

/** The names of what `value` gives authority over, if it is a global object, the process, or a module. */
export function authorityOf(value: unknown): string[] {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return [];
  const holder = value as Record<string, unknown>;
  const names: string[] = AUTHORITIES.filter((name) => holder[name] !== undefined);
  for (const name of ['exit', 'binding', 'dlopen', 'readFileSync', 'createConnection', 'spawn', 'parentPort']) {
    if (holder[name] !== undefined) names.push(name);
  }
  return names;
}

/** Runs every trick; a trick that throws has failed. */
export function report(tricks: readonly Trick[]): DriverMessage {
  const found: string[] = [];
  for (const trick of tricks) {
    try {
      const names = authorityOf(trick.try());
      if (names.length > 0) found.push(`${trick.name}: ${names.join(' ')}`);
    } catch {
      // Refused, as it should be.
    }
  }
  return escapeMessage(tricks.length, found);
}

export function escapeMessage(tried: number, found: readonly string[]): DriverMessage {
  return { kind: 'escape', reached: found.length > 0, tried, found: [...found] };
}
