/**
 * The campaign against storage regions: crashes, attacks, unsafe protocols, killed writers, and the simulated TPM itself.
 *
 * What a history, a case and a violation are says `ssr/testing/crash-world.ts`. A case's name is the history as positions
 * of its operations, `0.3.3`: attacks follow from the seed and the history, so that one history shows again what it showed.
 */
import type { WorldOptions, WorldReport } from '../../ssr/testing/crash-options.ts';
import type { Campaign, CampaignContext, CampaignPart, PartFindings } from './campaign.ts';

const NO_SWTPM = 'swtpm is not installed: sudo apt-get install swtpm';

/** All of the crash world is loaded here, when a part runs. */
async function world() {
  const [
    { exploreCrashes },
    { OPERATIONS, ROTATE_ROOT, TORN_WRITE },
    { rewindableSimulated, rewindableSwtpm },
    { isSwtpmInstalled },
  ] = await Promise.all([
    import('../../ssr/testing/crash-world.ts'),
    import('../../ssr/testing/operations.ts'),
    import('../../ssr/testing/rewindable-tpm.ts'),
    import('../../ssr/tpm/swtpm.ts'),
  ]);
  return {
    exploreCrashes,
    OPERATIONS,
    ROTATE_ROOT,
    TORN_WRITE,
    rewindableSimulated,
    rewindableSwtpm,
    isSwtpmInstalled,
  };
}

type Loaded = Awaited<ReturnType<typeof world>>;

function findingsOf(report: WorldReport): PartFindings {
  const refused = [...report.refused.values()].reduce((sum, count) => sum + count, 0);
  return {
    cases: report.crashCases + report.attackCases,
    violations: report.violations.map(({ what, history, path }) => ({ what, history, replay: path.join('.') })),
    details: {
      crashes: report.crashCases,
      attacks: report.attackCases,
      histories: report.sequences,
      mounted: report.mounted,
      refused,
    },
    isUnfinished: report.isUnfinished,
  };
}

function parsePath(name: string): number[] {
  const path = name.split('.').map(Number);
  if (path.every((index) => Number.isInteger(index) && index >= 0)) return path;
  throw new RangeError(`\`${name}\` is no history; histories are like 0.3.3`);
}

/** A part that explores one kind of world; `differing` is what makes it that kind. */
function explored(
  name: string,
  meaning: string,
  differing: (context: CampaignContext, loaded: Loaded) => Omit<WorldOptions, 'tpm'>,
  isReal = false,
): CampaignPart {
  const run = async (context: CampaignContext, replay?: readonly number[]): Promise<PartFindings> => {
    const loaded = await world();
    if (isReal && !loaded.isSwtpmInstalled()) return { cases: 0, violations: [], missing: NO_SWTPM };
    await using tpm = isReal ? await loaded.rewindableSwtpm() : loaded.rewindableSimulated();
    const report = await loaded.exploreCrashes({
      tpm,
      attackSeed: context.seed,
      isTimeUp: ({ crashCases, attackCases, violations }) => {
        context.onProgress(`${crashCases + attackCases} cases, violations ${violations.length}`);
        return context.isTimeUp();
      },
      ...differing(context, loaded),
      ...(replay !== undefined && { replay }),
    });
    return findingsOf(report);
  };
  return { name, meaning, run: (context) => run(context), replay: (path, context) => run(context, parsePath(path)) };
}

const common = ({ size }: CampaignContext) => ({
  attacksPerOperation: size('attacks'),
  imagesPerMoment: size('images'),
  depth: size('depth'),
});

/** From quick to long: what the quick ones leave of a budget, the long ones have. */
const PARTS: readonly CampaignPart[] = [
  {
    name: 'mutants',
    meaning: 'the unsafe protocols, each of which must be caught',
    async run({ onProgress, isTimeUp }) {
      const [{ MUTANTS }, { rewindableSimulated }] = await Promise.all([
        import('../../ssr/testing/mutants.ts'),
        import('../../ssr/testing/rewindable-tpm.ts'),
      ]);
      const survivors: string[] = [];
      let cases = 0;
      let tried = 0;
      for (const mutant of MUTANTS) {
        if (isTimeUp()) break;
        onProgress(mutant.name);
        await using tpm = rewindableSimulated();
        const result = await mutant.run(tpm);
        tried += 1;
        cases += result.cases;
        if (result.violation === undefined) survivors.push(mutant.name);
      }
      return {
        cases,
        violations: survivors.map((name) => ({ what: `the mutant survived: ${name}`, history: 'all of its world' })),
        details: { caught: `${tried - survivors.length} of ${MUTANTS.length}` },
        isUnfinished: tried < MUTANTS.length,
      };
    },
  },
  life('life', 'every power cut inside create and recover, on the simulated TPM', 'simulated'),
  life('life-swtpm', 'the same on swtpm', 'swtpm'),
  explored('not-fresh', 'the same as `crash` for durable-not-fresh commits', (context, { OPERATIONS }) => ({
    ...common(context),
    operations: OPERATIONS,
    isNotFresh: true,
  })),
  explored(
    'full',
    'the same as `crash` where a superblock begins full of recent changes, one step shorter',
    (context, { OPERATIONS, TORN_WRITE }) => ({
      ...common(context),
      // The first commit or two write them out; from there on it is the world of `crash`.
      depth: Math.max(1, context.size('depth') - 1),
      operations: [...OPERATIONS, TORN_WRITE],
      isChangesFull: true,
    }),
  ),
  tpmPart(),
  {
    name: 'kill',
    meaning: '--kills writers killed with SIGKILL on a real file and a real TPM',
    async run({ size, onProgress, isTimeUp }) {
      const { isSwtpmInstalled } = await import('../../ssr/tpm/swtpm.ts');
      if (!isSwtpmInstalled()) return { cases: 0, violations: [], missing: NO_SWTPM };
      const { killLoop } = await import('../../ssr/testing/kill-loop.ts');
      const { kills, commits, inFlightKept, violations } = await killLoop({
        kills: size('kills'),
        isTimeUp: (done) => {
          onProgress(`${done} kills`);
          return isTimeUp();
        },
      });
      return {
        cases: kills,
        violations: violations.map((what) => ({ what, history: `${kills} kills` })),
        details: { commits, 'kept in flight': inFlightKept },
        isUnfinished: kills < size('kills'),
      };
    },
  },
  explored(
    'walks',
    '--walks random histories of --length operations',
    (context, { OPERATIONS, ROTATE_ROOT, TORN_WRITE }) => ({
      ...common(context),
      operations: [...OPERATIONS, TORN_WRITE, ROTATE_ROOT],
      walks: { count: context.size('walks'), length: context.size('length'), seed: context.seed },
    }),
  ),
  explored(
    'crash',
    'every history up to --depth, every crash of it, attacks',
    (context, { OPERATIONS, ROTATE_ROOT, TORN_WRITE }) => ({
      ...common(context),
      operations: [...OPERATIONS, TORN_WRITE, ROTATE_ROOT],
    }),
  ),
  explored(
    'swtpm',
    '--swtpm-histories histories, each case through a rewound swtpm',
    (context, { OPERATIONS }) => ({
      ...common(context),
      operations: OPERATIONS,
      depth: 3,
      sequencesMax: context.size('swtpm-histories'),
      isEachCaseThroughTpm: true,
    }),
    true,
  ),
];

/** Its two TPMs are two parts, so that each has its share of the time. */
function life(name: string, meaning: string, kind: 'simulated' | 'swtpm'): CampaignPart {
  return {
    name,
    meaning,
    async run({ size, seed, onProgress, isTimeUp }) {
      const { exploreLife } = await import('../../ssr/testing/life-world.ts');
      const { rewindableSimulated, rewindableSwtpm, isSwtpmInstalled } = await world();
      if (kind === 'swtpm' && !isSwtpmInstalled()) return { cases: 0, violations: [], missing: NO_SWTPM };
      const report = await exploreLife({
        makeTpm: kind === 'swtpm' ? rewindableSwtpm : () => Promise.resolve(rewindableSimulated()),
        imagesPerMoment: size('images'),
        attacksPerMoment: Math.ceil(size('attacks') / 10),
        seed,
        isTimeUp: ({ moments }) => {
          onProgress(`${moments} moments`);
          return isTimeUp();
        },
      });
      return {
        cases: report.cases + report.attacks,
        violations: report.violations,
        details: { moments: report.moments, 'by the recovery key alone': report.recoveredAgain },
        isUnfinished: report.isUnfinished,
      };
    },
  };
}

function tpmPart(): CampaignPart {
  const run = async (context: CampaignContext, path?: string): Promise<PartFindings> => {
    const { isSwtpmInstalled } = await import('../../ssr/tpm/swtpm.ts');
    if (!isSwtpmInstalled()) return { cases: 0, violations: [], missing: NO_SWTPM };
    const { compareTpms } = await import('../../ssr/testing/tpm-differential.ts');
    const { sequences, commands, responseCodes, mismatch, isUnfinished } = await compareTpms({
      sequences: context.size('sequences'),
      seed: context.seed,
      ...(path !== undefined && { path }),
      isTimeUp: (done) => {
        context.onProgress(`${done} commands compared`);
        return context.isTimeUp();
      },
    });
    const found = mismatch && [{ what: mismatch.what, history: 'that sequence', replay: mismatch.path }];
    const details = { 'commands compared': commands, 'response codes': responseCodes };
    return { cases: sequences, violations: found ?? [], details, isUnfinished };
  };
  return {
    name: 'tpm',
    meaning: '--sequences of random commands, answered alike by the simulated TPM and swtpm',
    run: (context) => run(context),
    replay: (path, context) => run(context, path),
  };
}

export const ssrCampaign: Campaign = {
  name: 'ssr',
  summary: 'crashes and attacks on storage regions',
  description:
    'Cuts the power at every moment of histories of commits, mixes past sectors as an attacker would, and judges what ' +
    'recovery shows; the same to unsafe protocols, which must be caught; kills writers; compares TPMs.',
  sizes: [
    { name: 'depth', meaning: 'longest history; each step multiplies the cases by nine', usual: 4, max: 8 },
    { name: 'attacks', meaning: 'attacked disks tried for each operation', usual: 120, max: 1e6 },
    { name: 'images', meaning: 'crash images judged at one moment', usual: 80, max: 1e6 },
    { name: 'walks', meaning: 'random histories', usual: 200, max: 1e6 },
    { name: 'length', meaning: 'operations in a random history', usual: 12, max: 1000 },
    { name: 'swtpm-histories', meaning: 'histories on swtpm, of 343', usual: 60, max: 343 },
    { name: 'kills', meaning: 'writers to kill', usual: 200, max: 1e6 },
    { name: 'sequences', meaning: 'command sequences for the two TPMs', usual: 2000, max: 1e6 },
  ],
  parts: PARTS,
};
