/** Operations on PCRs, hierarchies and power, for the comparison of two TPMs. */
import * as commands from './commands.ts';
import type { DifferentialRun } from './differential.ts';
import { forget } from './differential-sessions.ts';
import { EMPTY, PCRS, SECRETS, filled, pick, plain } from './differential-world.ts';
import type { Operation, World } from './differential-world.ts';

/** What has no state of its own to keep. Plain functions: none looks at `this`. */
export const adminOperations = {
  async pcrExtend(run: DifferentialRun, _world: World, { a, b }: Operation): Promise<void> {
    await run.exact(plain(commands.pcrExtend(pick(PCRS, a), filled(32, b)), EMPTY));
  },
  async pcrReset(run: DifferentialRun, _world: World, { a }: Operation): Promise<void> {
    await run.exact(plain(commands.pcrReset(pick(PCRS, a)), EMPTY));
  },
  async pcrRead(run: DifferentialRun, _world: World, { a, b, c }: Operation): Promise<void> {
    const several = Array.from({ length: c }, (_, i) => i);
    await run.exact(plain(commands.pcrRead(c < 10 ? [pick(PCRS, a), pick(PCRS, b)] : several)));
  },
  async random(run: DifferentialRun, _world: World, { a }: Operation): Promise<void> {
    const bytes = plain(commands.getRandom(pick([0, 1, 32, 64, 65, 1000], a)));
    await run.shape([bytes, bytes]);
  },
  async hierarchyAuth(run: DifferentialRun, _world: World, { a, b }: Operation): Promise<void> {
    const hierarchy = pick([commands.ENDORSEMENT, commands.ENDORSEMENT, commands.OWNER], a);
    const from = pick(SECRETS.slice(0, 2), b);
    if ((await run.exact(plain(commands.hierarchyChangeAuth(hierarchy, SECRETS[1] ?? EMPTY), from))) !== 0) return;
    // Back again, so that the rest of the sequence does not stop at the owner's door.
    await run.exact(plain(commands.hierarchyChangeAuth(hierarchy, EMPTY), SECRETS[2] ?? EMPTY));
  },
  async clear(run: DifferentialRun, world: World, { a, b }: Operation): Promise<void> {
    if (a > 1) return;
    const authority = b % 2 === 0 ? commands.LOCKOUT : commands.PLATFORM;
    if ((await run.exact(plain(commands.clear(authority), EMPTY))) !== 0) return;
    // Which objects survive depends on their hierarchy; handles say so.
    for (const handle of [0x80000000, 0x80000001, 0x80000002]) await run.exact(plain(commands.flushContext(handle)));
    world.srk = undefined;
    world.sealed = [];
    world.signing = [];
    world.defined.clear();
  },
  async clearControl(run: DifferentialRun, _world: World, { a, b }: Operation): Promise<void> {
    const authority = a % 2 === 0 ? commands.LOCKOUT : commands.PLATFORM;
    await run.exact(plain(commands.clearControl(authority, b % 2 === 0), EMPTY));
  },
  async shutdown(run: DifferentialRun, _world: World): Promise<void> {
    await run.exact(plain(commands.shutdown()));
  },
  async powerCut(run: DifferentialRun, world: World, { a }: Operation): Promise<void> {
    for (const side of world.sides) await side.powerCycle();
    forget(world);
    if (a % 4 === 3) await run.exact(plain(commands.pcrRead([0])));
    if (a % 5 === 4) await run.exact(plain(commands.startup('state')));
    await run.exact(plain(commands.startup()));
    if (a % 3 === 2) await run.exact(plain(commands.startup()));
  },
} as const;
