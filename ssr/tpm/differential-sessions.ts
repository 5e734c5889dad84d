/** Operations with sessions and policies, for the comparison of two TPMs. */
import { ByteWriter, concatBytes } from './codec.ts';
import * as commands from './commands.ts';
import type { Command, Entity } from './commands.ts';
import { nodeCrypto } from './crypto-node.ts';
import { kdfa, kdfe } from './crypto.ts';
import type { DifferentialRun } from './differential.ts';
import { target } from './differential-nv.ts';
import { EMPTY, INDICES, PCRS, SECRETS, TpmMismatch, filled, pick, plain } from './differential-world.ts';
import type { Both, Operation, World } from './differential-world.ts';
import { prepare } from './session.ts';
import type { Authorization, Session } from './session.ts';
import * as spec from './spec.ts';

export function sessionAt(world: World, at: number): World['sessions'][number] | undefined {
  return world.sessions.length === 0 ? undefined : pick(world.sessions, at);
}

/** A live policy session's handle, or one that is not there. */
export function policyHandle(world: World, at: number): number {
  const session = sessionAt(world, at);
  return session === undefined ? 0x03000000 : session.both[0].handle;
}

export function forget(world: World): void {
  world.sessions = [];
  world.srk = undefined;
  world.sealed = [];
  world.signing = [];
}

/** The Name of an index as both sides tell it, or undefined if it is not defined. */
async function namedIndex(run: DifferentialRun, handle: number): Promise<Entity | undefined> {
  const command = commands.nvReadPublic(handle);
  const answer = await run.authorized([command, command], [[], []], ({ area, name }) => concatBytes(area, name));
  return answer === undefined ? undefined : { handle, name: answer[0].name };
}

/** Each side has its own nonces, so commands are authorized for each. Plain functions: none looks at `this`. */
export const sessionOperations = {
  async startSession(run: DifferentialRun, world: World, { a, b, c, d }: Operation): Promise<void> {
    const kind = pick(['hmac', 'policy', 'trial'] as const, a);
    const nonceCaller = filled(d < 16 ? 32 : pick([16, 15, 33, 0, 64], d), c);
    const { srk } = world;
    const isSalted = srk !== undefined && b % 2 === 1;
    const ephemeral = nodeCrypto.ecc?.generate();
    const starts = ([0, 1] as const).map((side) => {
      const base = { type: kind, nonceCaller, encrypts: b % 3 !== 2 };
      if (!isSalted || ephemeral === undefined) return { start: base, salt: undefined };
      const { point } = srk[side];
      const encryptedSalt = new ByteWriter().sized(ephemeral.point.x).sized(ephemeral.point.y).done();
      const shared = nodeCrypto.ecc?.sharedX(ephemeral.scalar, point) ?? EMPTY;
      return {
        start: { ...base, saltKey: srk[side], encryptedSalt },
        salt: kdfe(nodeCrypto, shared, 'SECRET', ephemeral.point.x, point.x),
      };
    }) as unknown as Both<{ start: commands.SessionStart; salt: Uint8Array | undefined }>;
    const both: Both<Command<{ handle: number; nonceTpm: Uint8Array }>> = [
      commands.startAuthSession(starts[0].start),
      commands.startAuthSession(starts[1].start),
    ];
    const made = await run.authorized(both, [[], []], undefined);
    if (made === undefined) return;
    const session = (side: 0 | 1): Session => {
      const { handle, nonceTpm } = made[side];
      const { salt, start } = starts[side];
      const sessionKey = salt === undefined ? EMPTY : kdfa(nodeCrypto, salt, 'ATH', nonceTpm, nonceCaller, 256);
      return { kind, handle, nonceTpm, sessionKey, encrypts: start.encrypts, ended: false };
    };
    world.sessions.push({ both: [session(0), session(1)], kind });
  },
  async sessionCommand(run: DifferentialRun, world: World, { a, b, c, d, e }: Operation): Promise<void> {
    const live = sessionAt(world, a);
    if (live === undefined || live.kind === 'trial') return;
    const isWrite = d % 2 === 0;
    const handle = target(world, { kind: 'read', a: b, b, c: e, d, e }, isWrite ? 0 : undefined);
    const index = await namedIndex(run, handle);
    if (index === undefined) return;
    const wantsEncryption = live.both[0].encrypts && c % 3 !== 2;
    const use = (side: 0 | 1): Authorization => ({
      kind: 'session',
      session: live.both[side],
      authValue: (e < 16 ? world.defined.get(handle)?.secret : undefined) ?? pick(SECRETS, e),
      encrypt: wantsEncryption ? (isWrite ? 'command' : 'response') : 'none',
      keep: c < 15,
    });
    const name = c === 19 ? { ...index, name: index.name.map((byte) => byte ^ 1) } : index;
    const data = filled(pick([8, 32], d >> 1), e);
    const command: Command<Uint8Array | void> = isWrite
      ? commands.nvWrite({ index: name, data })
      : commands.nvRead({ index: name, sizeBytes: data.length });
    await run.authorized([command, command], [[use(0)], [use(1)]], (result) => result ?? EMPTY);
    world.sessions = world.sessions.filter(({ both }) => !both[0].ended);
    const [real, simulated] = live.both;
    if (real.ended !== simulated.ended) throw new TpmMismatch('the session ended on one side only');
  },
  async encryptedRandom(run: DifferentialRun, world: World, { a, b }: Operation): Promise<void> {
    const live = sessionAt(world, a);
    if (live?.both[0].encrypts !== true || live.kind === 'trial') return;
    const command = commands.getRandom(8 + b);
    const use = (side: 0 | 1): Authorization => ({ kind: 'session', session: live.both[side], encrypt: 'response' });
    await run.authorized([command, command], [[use(0)], [use(1)]], (result) => Uint8Array.of(result.length));
  },
  async damagedSession(run: DifferentialRun, world: World, { a, b, c, d, e }: Operation): Promise<void> {
    const live = sessionAt(world, a);
    if (live?.kind !== 'hmac') return;
    const index = await namedIndex(run, target(world, { kind: 'read', a: b, b, c: 0, d, e }, undefined));
    if (index === undefined) return;
    const command = commands.nvRead({ index, sizeBytes: 8 });
    const damaged = ([0, 1] as const).map((side) => {
      const { bytes } = prepare(nodeCrypto, command, [{ kind: 'session', session: live.both[side] }]);
      // 10 header, 8 handles, 4 size, 4 session handle; then nonce, attributes, HMAC, parameters. The two length fields
      // stay: they would shift random bytes, different on each side, into fields. Bit 7 stays: audit is not simulated.
      const drawn = 26 + ((c * 20 + d) % (bytes.length - 26));
      const place = [26, 27, 61, 62].includes(drawn) ? 60 : drawn;
      return bytes.map((byte, i) => (i === place ? byte ^ (1 << (e % 7)) : byte));
    });
    await run.shape(damaged as unknown as Both<Uint8Array>);
  },
  async policyPcr(run: DifferentialRun, world: World, { a, b, c, d }: Operation): Promise<void> {
    const digest = pick(
      [EMPTY, EMPTY, EMPTY, filled(32, 3), nodeCrypto.sha256(new Uint8Array(32)), new Uint8Array(64)],
      d,
    );
    await run.exact(plain(commands.policyPcr(policyHandle(world, a), [pick(PCRS, b), pick(PCRS, c)], digest)));
  },
  async policyNv(run: DifferentialRun, world: World, { a, b, c, d, e }: Operation): Promise<void> {
    const index = commands.unnamed(pick(INDICES, b));
    const operand = pick([new ByteWriter().u64(BigInt(1 + (d & 3))).done(), filled(8, d), EMPTY, filled(33, d)], d);
    const operation = pick(Object.keys(spec.TPM_EO) as (keyof typeof spec.TPM_EO)[], c);
    const comparison = {
      index,
      session: policyHandle(world, a),
      operand,
      operation,
      offset: pick([0, 0, 0, 0, 4, 100], e),
    };
    await run.exact(plain(commands.policyNv(comparison), world.defined.get(index.handle)?.secret ?? EMPTY));
  },
  async policyReuse(run: DifferentialRun, world: World, { a, b, c, d }: Operation): Promise<void> {
    // A policy session that was used, even only to encrypt, starts its policy from nothing.
    const before = world.sessions.length;
    await run.apply({ kind: 'startSession', a: 1, b: 0, c, d: 0, e: 0 });
    if (world.sessions.length === before) return;
    const session = { a: before, b: 0, c: 0, d: 0, e: 0 };
    await run.apply({ ...session, kind: 'policyPcr', b: a });
    if (d % 2 === 0) await run.apply({ ...session, kind: 'encryptedRandom' });
    if (b % 2 === 0) await run.apply({ ...session, kind: 'pcrExtend', a: 2 });
    await run.apply({ ...session, kind: 'policyPcr' });
    await run.apply({ ...session, kind: 'policyDigest' });
    await run.apply({ ...session, kind: 'flush' });
  },
  async policyDigest(run: DifferentialRun, world: World, { a }: Operation): Promise<void> {
    await run.exact(plain(commands.policyGetDigest(policyHandle(world, a))));
  },
  async flush(run: DifferentialRun, world: World, { a, b }: Operation): Promise<void> {
    const session = sessionAt(world, a);
    const handles = [session?.both[0].handle ?? 0x02000000, 0x80000000, 0x80000001, 0x02000005, 0x40000001, 0x80000003];
    const handle = pick(handles, b < 10 ? 0 : b);
    if ((await run.exact(plain(commands.flushContext(handle)))) !== 0) return;
    world.sessions = world.sessions.filter(({ both }) => both[0].handle !== handle);
    world.sealed = world.sealed.filter(({ both }) => both[0].handle !== handle);
    world.signing = world.signing.filter(([real]) => real.handle !== handle);
    if (world.srk?.[0].handle === handle) world.srk = undefined;
  },
} as const;
