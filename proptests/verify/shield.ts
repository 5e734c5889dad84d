/**
 * The campaign for the shield: every device's unmodified Linux driver at work, every rogue guest, and guests that come to a
 * bad end. Each case boots Linux, 15 to 60 seconds; `npm test` boots once.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShieldErrorCode } from '../../drivers/shield/errors.ts';
import type { ShieldRow } from '../../drivers/shield/devices.ts';
import type { ShieldResult } from '../../drivers/shield/run.ts';
import { SHIELD_NAMES } from '../../drivers/shield/devices.ts';
import type { Campaign, CampaignPart, CampaignViolation, PartFindings } from './campaign.ts';

type Run = (row: ShieldRow, rogue: boolean, record?: string) => Promise<ShieldResult>;

async function prepare(
  name: string,
): Promise<{ row: ShieldRow; run: Run; replayDenied: (file: string) => Promise<number> }> {
  const [{ inPackage }, devices, { obtainGuest }, { runShield }, { loadSpecification }, { replay }] = await Promise.all(
    [
      import('../../drivers/devices.ts'),
      import('../../drivers/shield/devices.ts'),
      import('../../drivers/shield/guest-packages.ts'),
      import('../../drivers/shield/run.ts'),
      import('../../drivers/specification.ts'),
      import('../../drivers/trace/replay.ts'),
    ],
  );
  const row = devices.SHIELD_ROWS.find((each) => each.name === name);
  if (row === undefined) throw new RangeError(`the shield knows no device ${name}`);
  const guest = await obtainGuest(devices.allModules(), () => undefined);
  const specification = await loadSpecification(inPackage(row.specification), row.specification);
  return {
    row,
    run: (which, rogue, record) =>
      runShield({ row: which, specification, guest, rogue, ...(record === undefined ? {} : { record }) }),
    replayDenied: async (file) => (await replay(specification.module.createMonitor, file)).denied,
  };
}

/** Work without a refusal, a trace that replays without one, then the same guest as a rogue: refused, reset, alive, at work again. */
function devicePart(name: string): CampaignPart {
  return {
    name,
    meaning:
      'its Linux driver works and is refused nothing, also when its trace is replayed; the rogue guest is refused',
    run: async ({ onProgress }) => {
      const folder = mkdtempSync(join(tmpdir(), 'refmon-verify-'));
      const violations: CampaignViolation[] = [];
      const expect = (holds: boolean, what: string, history: string): void => {
        if (!holds) violations.push({ what, history });
      };
      try {
        const { row, run, replayDenied } = await prepare(name);
        onProgress(`${name}: at work`);
        const trace = join(folder, 'trace.jsonl.gz');
        const honest = await run(row, false, trace);
        expect(honest.work.wrong.length === 0, honest.work.wrong.join('; '), 'at work');
        expect(honest.counts.denied === 0, `${honest.counts.denied} operations were denied`, 'at work');
        expect((await replayDenied(trace)) === 0, 'its trace is denied when replayed', 'replay');
        onProgress(`${name}: misbehaving`);
        const rogue = await run(row, true);
        expect(rogue.work.wrong.length === 0, rogue.work.wrong.join('; '), 'rogue');
        expect(rogue.violations.length > 0, 'the attack was not refused', 'rogue');
        expect(
          rogue.violations.every(({ reset }) => reset.done === 'reset'),
          'the device was not reset',
          'rogue',
        );
        expect(rogue.alive && rogue.returned, 'the guest did not go on', 'rogue');
        const { reads, writes, configReads, configWrites } = honest.counts;
        return {
          cases: reads + writes + configReads + configWrites,
          violations,
          details: {
            interrupts: honest.counts.interrupts,
            shadow: honest.shadow.kind,
            descriptors: honest.shadow.descriptors,
          },
        };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/** What a guest does in place of its work, and how the run must end. */
const BAD_ENDS: readonly { readonly what: string; readonly script: string; readonly code: ShieldErrorCode }[] = [
  { what: 'panics', script: 'echo c > /proc/sysrq-trigger', code: 'GUEST_PANIC' },
  {
    what: 'powers off in the middle of a transfer',
    script: 'ping -f 10.0.2.2 & sleep 1; poweroff -f',
    code: 'GUEST_ENDED',
  },
  {
    what: 'restarts in the middle of a transfer',
    script: 'ping -f 10.0.2.2 & sleep 1; reboot -f',
    code: 'GUEST_ENDED',
  },
  {
    what: 'floods the configuration space',
    script: 'while true; do dd if=/dev/zero of=$DEVICE/config bs=8 seek=2 count=3 conv=notrunc 2>/dev/null; done',
    code: 'GUEST_FLOOD',
  },
];

const badEnds: CampaignPart = {
  name: 'bad-ends',
  meaning: 'a guest that panics, powers off, restarts or floods: a typed error, and nothing left behind',
  run: async ({ onProgress, isTimeUp }) => {
    const { row, run } = await prepare('e1000');
    const violations: CampaignViolation[] = [];
    let cases = 0;
    for (const { what, script, code } of BAD_ENDS) {
      if (isTimeUp()) break;
      onProgress(`a guest that ${what}`);
      cases += 1;
      const ended = await run({ ...row, traffic: script }, false).then(
        () => 'no error',
        (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
      );
      if (ended !== code)
        violations.push({ what: `a guest that ${what} ended with ${ended}, not ${code}`, history: what });
    }
    return { cases, violations, isUnfinished: cases < BAD_ENDS.length };
  },
};

/** A part that cannot run here says so. */
function whereQemuIs(part: CampaignPart): CampaignPart {
  return {
    ...part,
    run: async (context): Promise<PartFindings> => {
      const { qemuVersion } = await import('../../drivers/backing/qemu/index.ts');
      if ((await qemuVersion()) !== undefined) return part.run(context);
      return { cases: 0, violations: [], missing: 'QEMU is not installed: sudo apt-get install qemu-system-x86' };
    },
  };
}

export const shieldCampaign: Campaign = {
  name: 'shield',
  summary: 'unmodified Linux drivers behind the monitor: all devices, all rogue guests, all bad ends',
  description: 'Boots Linux for every case, 15 to 60 seconds each; the guest comes from the Debian archive, once.',
  sizes: [],
  parts: [...SHIELD_NAMES.map(devicePart), badEnds].map(whereQemuIs),
};
