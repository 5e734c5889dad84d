/**
 * The campaign against the specifications of `drivers/cve`: honest drivers of parts with published bugs, perturbed at random on
 * the real QEMU. Behind the monitor it may refuse or fail, but never kill QEMU. A case's name is its seed.
 */
import type { Bug } from '../../drivers/cve/bug.ts';
import { BUGS } from '../../drivers/cve/catalogue.ts';
import type { Campaign, CampaignContext, CampaignPart, CampaignViolation, PartFindings } from './campaign.ts';

/** One for each specification: several bugs of one part share it. */
const SUBJECTS: readonly Bug[] = BUGS.filter(
  (bug, index) => BUGS.findIndex(({ specification }) => specification === bug.specification) === index,
);
const VIOLATIONS_MAX = 5;
const PROGRESS_EVERY = 20;
/** A device with clocks of its own may die a little later than it was told to. */
const SETTLE_EVERY = 10;

async function run(bug: Bug, count: number, first: number, context: CampaignContext): Promise<PartFindings> {
  const [{ findProgram, debianPackage }, { openBoard }, { loadSpecification }, { perturbedSequence }, { inPackage }] =
    await Promise.all([
      import('../../drivers/backing/qemu/programs.ts'),
      import('../../drivers/cve/board.ts'),
      import('../../drivers/specification.ts'),
      import('../cve/perturbed-sequence.ts'),
      import('../../drivers/devices.ts'),
    ]);
  const { program } = bug.board;
  if (findProgram(program) === undefined)
    return {
      cases: 0,
      violations: [],
      missing: `${program} is not installed: sudo apt-get install ${debianPackage(program)}`,
    };
  const specification = await loadSpecification(inPackage(bug.specification), bug.specification);
  const ends = { refused: 0, failed: 0, finished: 0, died: 0 };
  const violations: CampaignViolation[] = [];
  let operations = 0;
  let perturbed = 0;
  let cases = 0;
  let board = await openBoard(bug.board);
  try {
    for (; cases < count && violations.length < VIOLATIONS_MAX && !context.isTimeUp(); cases += 1) {
      const seed = (first + cases) >>> 0;
      const report = perturbedSequence(bug, board, specification, seed);
      ends[report.end] += 1;
      operations += report.operations;
      perturbed += report.perturbed;
      if (cases % SETTLE_EVERY === 0 || cases === count - 1) await new Promise((resolve) => setTimeout(resolve, 20));
      const died = report.end === 'died' || board.hasEnded();
      if (died) {
        const how = await board.ended;
        violations.push({ what: how.slice(-300), history: report.history.join('; '), replay: String(seed) });
      }
      if (died || !report.isReset) {
        await board.close();
        board = await openBoard(bug.board);
      }
      if (cases % PROGRESS_EVERY === 0)
        context.onProgress(`${cases} of ${count} runs, QEMU died ${violations.length} times`);
    }
  } finally {
    await board.close();
  }
  const isUnfinished = cases < count && violations.length === 0;
  return { cases, violations, details: { ...ends, operations, perturbed }, isUnfinished };
}

function parseSeed(name: string): number {
  const seed = Number(name);
  if (name.trim() === '' || !Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new RangeError(`\`${name}\` is no seed`);
  return seed;
}

function partOf(bug: Bug): CampaignPart {
  return {
    name: bug.id,
    meaning: `--runs on ${bug.part}`,
    run: (context) => run(bug, context.size('runs'), context.seed, context),
    replay: (seed, context) => run(bug, 1, parseSeed(seed), context),
  };
}

export const cveCampaign: Campaign = {
  name: 'cve',
  summary: 'honest drivers of parts with published bugs, perturbed: QEMU must live',
  description:
    'Runs the honest sequence of every part of `refmon cve` with operations altered, dropped, repeated and slipped in, on the ' +
    'real QEMU behind the monitor. Refusals and failures are expected; that QEMU dies is a violation: a hole in the ' +
    'specification, or one more bug.',
  sizes: [{ name: 'runs', meaning: 'perturbed runs of each part', usual: 200, max: 1e9 }],
  parts: SUBJECTS.map(partOf),
};
