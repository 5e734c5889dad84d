/** Operations on NV indices, for the comparison of two TPMs. */
import * as commands from './commands.ts';
import type { Command } from './commands.ts';
import type { DifferentialRun } from './differential.ts';
import { ACCESS, EMPTY, INDICES, LENGTHS, OFFSETS, SECRETS, SIZES, filled, pick, plain } from './differential-world.ts';
import type { Operation, World } from './differential-world.ts';
import * as spec from './spec.ts';

/** An index: mostly one that is defined and of this kind, if there is one. */
export function target(world: World, operation: Operation, kind: number | undefined): number {
  const fitting = INDICES.filter((index) => {
    const known = world.defined.get(index);
    return known !== undefined && (kind === undefined || known.kind === kind);
  });
  return operation.c < 16 && fitting.length > 0 ? pick(fitting, operation.a) : pick(INDICES, operation.a);
}

export function nvCommand(
  world: World,
  operation: Operation,
  kind: number | undefined,
  make: (access: commands.NvAccess, sizeBytes: number) => Command<unknown>,
): Uint8Array {
  const index = commands.unnamed(target(world, operation, kind));
  const other = commands.unnamed(pick(INDICES, operation.a + 1));
  const authority = pick([index, commands.OWNER, index, commands.PLATFORM, index, other, index, index], operation.b);
  const known = world.defined.get(index.handle);
  const secret = operation.c < 14 && known !== undefined ? known.secret : pick(SECRETS, operation.c);
  return plain(make({ index, authority }, known?.sizeBytes ?? 8), authority === index ? secret : EMPTY);
}

/** Definitions, accesses and listings. Plain functions: none looks at `this`. */
export const nvOperations = {
  async define(run: DifferentialRun, world: World, { a, b, c, d, e }: Operation): Promise<void> {
    // A small draw means a sensible index, so that later commands have something to work on.
    const kind = pick([0, spec.TPMA_NV_COUNTER, spec.TPMA_NV_EXTEND], b);
    const fitting = kind === spec.TPMA_NV_COUNTER ? 8 : 32;
    const sizeBytes = d < 8 ? fitting : pick(SIZES, d);
    const authPolicy = e < 10 ? EMPTY : pick([EMPTY, new Uint8Array(32), filled(32, 1), new Uint8Array(20)], e);
    const attributes = (pick(ACCESS, c < 6 ? c % 2 : c) | spec.TPMA_NV_NO_DA | kind) >>> 0;
    const definition = {
      public: { index: pick(INDICES, a), attributes, authPolicy, sizeBytes },
      authValue: pick(SECRETS, e < 8 ? e % 2 : e),
    };
    const authority = d % 7 === 6 ? commands.PLATFORM : commands.OWNER;
    const code = await run.exact(
      plain(commands.nvDefineSpace({ ...definition, authority }), e === 19 ? Uint8Array.of(5) : EMPTY),
    );
    if (code === 0) world.defined.set(definition.public.index, { secret: definition.authValue, kind, sizeBytes });
  },
  async undefine(run: DifferentialRun, world: World, { a, b, c }: Operation): Promise<void> {
    // Rarely: most sequences should keep what they have defined.
    if (c > 4) return;
    const authority = b % 4 === 3 ? commands.PLATFORM : commands.OWNER;
    const index = pick(INDICES, a);
    const code = await run.exact(plain(commands.nvUndefineSpace(commands.unnamed(index), authority), EMPTY));
    if (code === 0) world.defined.delete(index);
  },
  async write(run: DifferentialRun, world: World, operation: Operation): Promise<void> {
    const { d, e } = operation;
    const make = (access: commands.NvAccess, sizeBytes: number): Command<void> => {
      const data = filled(d < 12 ? Math.min(sizeBytes, 8 * (1 + d)) : pick(LENGTHS, d), e);
      return commands.nvWrite({ ...access, data, offset: e < 14 ? 0 : pick(OFFSETS, e) });
    };
    await run.exact(nvCommand(world, operation, 0, make));
  },
  async read(run: DifferentialRun, world: World, operation: Operation): Promise<void> {
    const { d, e } = operation;
    const make = (access: commands.NvAccess, sizeBytes: number): Command<Uint8Array> =>
      commands.nvRead({
        ...access,
        sizeBytes: d < 12 ? sizeBytes : pick(LENGTHS, d),
        offset: e < 14 ? 0 : pick(OFFSETS, e),
      });
    await run.exact(nvCommand(world, operation, undefined, make));
  },
  async increment(run: DifferentialRun, world: World, operation: Operation): Promise<void> {
    await run.exact(nvCommand(world, operation, spec.TPMA_NV_COUNTER, (access) => commands.nvIncrement(access)));
  },
  async extend(run: DifferentialRun, world: World, operation: Operation): Promise<void> {
    const data = filled(pick(LENGTHS, operation.d), operation.e);
    await run.exact(
      nvCommand(world, operation, spec.TPMA_NV_EXTEND, (access) => commands.nvExtend({ ...access, data })),
    );
  },
  async recreateCounter(run: DifferentialRun, _world: World, { a, e }: Operation): Promise<void> {
    // The new counter must start above every one that was deleted.
    const same = { a, b: 0, c: 0, d: 0, e: 0 };
    for (let count = e % 4; count > 0; count -= 1) await run.apply({ ...same, kind: 'increment' });
    await run.apply({ ...same, kind: 'undefine' });
    await run.apply({ ...same, kind: 'define', b: 1, c: 1 });
    await run.apply({ ...same, kind: 'increment', a: 0 });
    await run.exact(plain(commands.nvRead({ index: commands.unnamed(pick(INDICES, a)), sizeBytes: 8 }), EMPTY));
  },
  async readPublic(run: DifferentialRun, _world: World, { a }: Operation): Promise<void> {
    await run.exact(plain(commands.nvReadPublic(pick(INDICES, a))));
  },
  async listHandles(run: DifferentialRun, _world: World, { a, b }: Operation): Promise<void> {
    await run.exact(plain(commands.getHandles(pick([0x01000000, 0x01800002, 0x80000000], a), pick([100, 1, 2, 0], b))));
  },
} as const;
