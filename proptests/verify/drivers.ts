/**
 * The campaign against devices: each device's own driver with its operations perturbed, on the model and on QEMU.
 *
 * What a run is and what must hold says `drivers/perturbed-run.ts`. A case's name is its seed.
 */
import { DEVICE_NAMES } from '../../drivers/device-names.ts';
import type { RunReport } from '../drivers/perturbed-run.ts';
import type { Campaign, CampaignContext, CampaignPart, CampaignViolation, PartFindings } from './campaign.ts';

const NO_QEMU = 'QEMU is not installed: sudo apt-get install qemu-system-x86';
const VIOLATIONS_MAX = 20;
const PROGRESS_EVERY = 50;

type Run = (seed: number) => RunReport | Promise<RunReport>;

/** The runs of one part, from its first seed on. */
async function runAll(run: Run, count: number, first: number, context: CampaignContext): Promise<PartFindings> {
  const ends: Record<RunReport['end'], number> = { violation: 0, crashed: 0, lived: 0 };
  const violations: CampaignViolation[] = [];
  let cases = 0;
  let perturbed = 0;
  let touches = 0;
  let retries: number | undefined;
  for (; cases < count && violations.length < VIOLATIONS_MAX && !context.isTimeUp(); cases += 1) {
    const seed = (first + cases) >>> 0;
    const report = await run(seed);
    ends[report.end] += 1;
    perturbed += report.perturbed;
    touches += report.touches;
    if (report.retries !== undefined) retries = (retries ?? 0) + report.retries;
    if (report.problem !== undefined) {
      violations.push({ what: report.problem, history: `run with seed ${seed}`, replay: String(seed) });
    }
    if (cases % PROGRESS_EVERY === 0) context.onProgress(`${cases} of ${count} runs, violations ${violations.length}`);
  }
  return {
    cases,
    violations,
    details: {
      stopped: ends.violation,
      crashed: ends.crashed,
      lived: ends.lived,
      ...(touches > 0 ? { perturbed, touches } : {}),
      ...(retries === undefined ? {} : { retries }),
    },
    isUnfinished: cases < count && violations.length === 0,
  };
}

function parseSeed(name: string): number {
  const seed = Number(name);
  if (name.trim() === '' || !Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new RangeError(`\`${name}\` is no seed`);
  }
  return seed;
}

function modelPart(name: string): CampaignPart {
  const run = async (context: CampaignContext, count: number, first: number): Promise<PartFindings> => {
    const [{ deviceNamed }, { loadSubject }, { perturbedRun }] = await Promise.all([
      import('../../drivers/devices.ts'),
      import('../drivers/subjects.ts'),
      import('../drivers/perturbed-run.ts'),
    ]);
    const subject = await loadSubject(deviceNamed(name));
    return runAll((seed) => perturbedRun(subject, seed), count, first, context);
  };
  return {
    name,
    meaning: `its share of --runs on the model of ${name}`,
    run: (context) => run(context, Math.ceil(context.size('runs') / DEVICE_NAMES.length), context.seed),
    replay: (seed, context) => run(context, 1, parseSeed(seed)),
  };
}

function qemuPart(name: string): CampaignPart {
  const run = async (context: CampaignContext, count: number, first: number): Promise<PartFindings> => {
    const [
      { availableBackings, deviceNamed, loadDeviceSpecification },
      { loadSubject },
      { perturbedDomain },
      { untilInTime },
      { Kernel },
    ] = await Promise.all([
      import('../../drivers/devices.ts'),
      import('../drivers/subjects.ts'),
      import('../drivers/perturbed-domain.ts'),
      import('../drivers/late.ts'),
      import('../../kernel/index.ts'),
    ]);
    if (!(await availableBackings()).includes('qemu')) return { cases: 0, violations: [], missing: NO_QEMU };
    const device = deviceNamed(name);
    const { operations } = await loadSubject(device);
    const monitorModule = (await loadDeviceSpecification(device)).source;
    const kernel = Kernel.boot();
    let open = await device.backings.qemu().open();
    const attempt = async (seed: number, again: boolean): Promise<RunReport> => {
      if (again) {
        await open.close();
        open = await device.backings.qemu().open();
      }
      return perturbedDomain({ kernel, device, open, monitorModule, operations }, seed);
    };
    try {
      return await runAll((seed) => untilInTime((again) => attempt(seed, again)), count, first, context);
    } finally {
      await kernel.shutdown();
      await open.close();
    }
  };
  return {
    name: `${name}-qemu`,
    meaning: `its share of --qemu-runs on QEMU's ${name}`,
    run: (context) => run(context, Math.ceil(context.size('qemu-runs') / DEVICE_NAMES.length), context.seed),
    replay: (seed, context) => run(context, 1, parseSeed(seed)),
  };
}

export const driversCampaign: Campaign = {
  name: 'drivers',
  summary: 'drivers whose operations are altered, dropped, repeated and put out of order',
  description:
    "Runs each device's own driver with its operations perturbed at random, then the same driver unperturbed. No device " +
    'may touch memory outside the grants, the kernel must survive, and the device must work afterwards. On the models the ' +
    "oracle is the device's own record of its DMA; on QEMU it is canaries around every grant. Where time is real, a driver that " +
    'was only late is tried again with a device that was started anew, three times at most (`retries`).',
  sizes: [
    { name: 'runs', meaning: 'perturbed runs on the models, in all', usual: 4000, max: 1e9 },
    { name: 'qemu-runs', meaning: 'perturbed runs on QEMU, in all', usual: 40, max: 1e6 },
  ],
  parts: [...DEVICE_NAMES.map(modelPart), ...DEVICE_NAMES.map(qemuPart)],
};
