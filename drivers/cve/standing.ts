/**
 * How every known CVE and every bug of the catalogue stands, and the numbers that may be told: never one, always all.
 *
 * What counts as fired, or as a refused trace, is what `refmon cve run` shows on this machine; here stands what is promised.
 */
import type { Bug } from './bug.ts';
import { BUGS, cvesOf } from './catalogue.ts';
import { CVES, type KnownCve } from './known.ts';

export type Standing =
  | { readonly status: 'fired and stopped' | 'trace refused'; readonly bug: string }
  | { readonly status: 'out of scope'; readonly because: string }
  | { readonly status: 'rule known, not written'; readonly rule: string };

export function bugOf(cve: string): Bug | undefined {
  return BUGS.find((bug) => cvesOf(bug).includes(cve));
}

export function standingOf(cve: KnownCve): Standing {
  const bug = bugOf(cve.id);
  if (bug !== undefined)
    return { status: bug.effect === 'silent' ? 'trace refused' : 'fired and stopped', bug: bug.id };
  if (cve.rules === 'X') return { status: 'out of scope', because: cve.rule };
  return { status: 'rule known, not written', rule: cve.rule };
}

export interface Numbers {
  /** Bugs that do visible harm on today's QEMU, with a CVE id or without. */
  readonly firedAndStopped: number;
  /** CVEs whose sequence is refused, without harm to be seen on this QEMU. */
  readonly traceRefused: number;
  readonly outOfScope: number;
  readonly ruleKnownNotWritten: number;
  /** CVEs known in all. */
  readonly known: number;
}

export function numbers(): Numbers {
  const count = (status: Standing['status']): number => CVES.filter((cve) => standingOf(cve).status === status).length;
  return {
    firedAndStopped: BUGS.filter(({ effect }) => effect !== 'silent').length,
    traceRefused: count('trace refused'),
    outOfScope: count('out of scope'),
    ruleKnownNotWritten: count('rule known, not written'),
    known: CVES.length,
  };
}
