/**
 * What `refmon verify` runs: campaigns, each a list of parts that try to break one room for as long as they are let.
 *
 * `npm test` runs the same code with small sizes; here the sizes are flags. A part counts the cases it judged and lists what
 * broke; it never prints and never decides how the command ends. The runner knows nothing of any room: a room's campaign
 * is one file beside this one, listed in `registry.ts`. It loads what is heavy inside its parts, for the command line
 * imports every campaign to describe it.
 *
 * The rule for endings: violated beats unfinished beats held. A part that could not run (no swtpm, no QEMU) or ran out of
 * time has not held.
 */

/** A number that says how much is tried; the flag `--NAME <n>`. */
export interface CampaignSize {
  readonly name: string;
  readonly meaning: string;
  readonly usual: number;
  readonly max: number;
}

export interface CampaignContext {
  /** Everything random follows from it. 0 to 2^32 - 1. */
  readonly seed: number;
  /** The size of this name. @throws RangeError for a name that the campaign does not declare */
  readonly size: (name: string) => number;
  /** One line of how far it is, as often as one likes. */
  readonly onProgress: (text: string) => void;
  /** True when the part's share of the time is spent: stop soon and report `isUnfinished`. */
  readonly isTimeUp: () => boolean;
}

export interface CampaignViolation {
  readonly what: string;
  /** How it came about, in words. */
  readonly history: string;
  /** The part's own name for the case, for its `replay`; absent if it cannot be shown again. */
  readonly replay?: string;
}

/** What a part found. */
export interface PartFindings {
  readonly cases: number;
  readonly violations: readonly CampaignViolation[];
  /** Further numbers and words worth reporting, in the order they are to be shown. */
  readonly details?: Readonly<Record<string, number | string>>;
  readonly isUnfinished?: boolean;
  /** Something that must be installed is not: what, and how to get it. Nothing was tried. */
  readonly missing?: string;
}

export interface CampaignPart {
  readonly name: string;
  readonly meaning: string;
  readonly run: (context: CampaignContext) => Promise<PartFindings>;
  /** Runs one case again, by the name that a violation gave it. @throws RangeError for what is no such name */
  readonly replay?: (name: string, context: CampaignContext) => Promise<PartFindings>;
}

export interface Campaign {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly sizes: readonly CampaignSize[];
  readonly parts: readonly CampaignPart[];
}

export type PartOutcome = 'held' | 'violated' | 'unfinished' | 'missing';

export interface PartReport extends PartFindings {
  readonly part: string;
  readonly outcome: PartOutcome;
  readonly seconds: number;
}

export interface CampaignReport {
  readonly outcome: 'held' | 'violated' | 'unfinished';
  readonly cases: number;
  readonly parts: readonly PartReport[];
}

export interface CampaignRequest {
  readonly seed: number;
  /** Sizes that differ from the usual ones. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Names of the parts to run; all if absent. */
  readonly parts?: readonly string[];
  /** `PART:NAME` of one case to run again; nothing else is run. */
  readonly replay?: string;
  /** Seconds for all parts together, shared evenly among those that are left; no limit if absent. */
  readonly budgetSeconds?: number;
  readonly onProgress?: (part: string, text: string) => void;
  readonly onPart?: (report: PartReport) => void;
  /** Milliseconds, rising. */
  readonly now?: () => number;
}

function outcomeOf(findings: PartFindings): PartOutcome {
  if (findings.violations.length > 0) return 'violated';
  if (findings.missing !== undefined) return 'missing';
  return findings.isUnfinished === true ? 'unfinished' : 'held';
}

function partNamed(campaign: Campaign, name: string): CampaignPart {
  const part = campaign.parts.find((one) => one.name === name);
  if (part !== undefined) return part;
  const names = campaign.parts.map((one) => one.name).join(', ');
  throw new RangeError(`${campaign.name} has no part \`${name}\`; its parts are ${names}`);
}

interface Job {
  readonly part: CampaignPart;
  readonly run: (context: CampaignContext) => Promise<PartFindings>;
}

function jobsOf(campaign: Campaign, request: CampaignRequest): Job[] {
  if (request.replay !== undefined) {
    const [name = '', ...rest] = request.replay.split(':');
    const part = partNamed(campaign, name);
    if (part.replay === undefined) throw new RangeError(`cases of the part \`${name}\` cannot be run again one by one`);
    const { replay } = part;
    return [{ part, run: (context) => replay(rest.join(':'), context) }];
  }
  const parts = request.parts?.map((name) => partNamed(campaign, name)) ?? campaign.parts;
  return parts.map((part) => ({ part, run: (context) => part.run(context) }));
}

/**
 * Runs the parts asked for, one after the other.
 * @throws RangeError for a part, size or replay that the campaign does not have; and what a part throws: that is our bug
 */
export async function runCampaign(campaign: Campaign, request: CampaignRequest): Promise<CampaignReport> {
  const { seed, sizes, budgetSeconds, now = () => performance.now() } = request;
  const jobs = jobsOf(campaign, request);
  const end = budgetSeconds === undefined ? Number.POSITIVE_INFINITY : now() + budgetSeconds * 1000;
  const size = (name: string): number => {
    const declared = campaign.sizes.find((one) => one.name === name);
    if (declared === undefined) throw new RangeError(`${campaign.name} has no size \`${name}\``);
    return sizes[name] ?? declared.usual;
  };
  Object.keys(sizes).forEach(size);
  const parts: PartReport[] = [];
  for (const [done, { part, run }] of jobs.entries()) {
    const began = now();
    const deadline = began + (end - began) / (jobs.length - done);
    const findings = await run({
      seed,
      size,
      onProgress: (text) => request.onProgress?.(part.name, text),
      isTimeUp: () => now() >= deadline,
    });
    const seconds = (now() - began) / 1000;
    const report: PartReport = { part: part.name, outcome: outcomeOf(findings), seconds, ...findings };
    parts.push(report);
    request.onPart?.(report);
  }
  const has = (outcome: PartOutcome): boolean => parts.some((part) => part.outcome === outcome);
  return {
    outcome: has('violated') ? 'violated' : has('unfinished') || has('missing') ? 'unfinished' : 'held',
    cases: parts.reduce((sum, part) => sum + part.cases, 0),
    parts,
  };
}
