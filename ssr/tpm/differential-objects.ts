/** Operations with keys and sealed data, for the comparison of two TPMs: keys differ, shapes and unsealed data do not. */
import { equalBytes, u32Bytes } from './codec.ts';
import { nameOf } from './client.ts';
import * as commands from './commands.ts';
import type { Command, Entity } from './commands.ts';
import { nodeCrypto } from './crypto-node.ts';
import type { DifferentialRun } from './differential.ts';
import { sessionAt } from './differential-sessions.ts';
import { EMPTY, SECRETS, TpmMismatch, filled, pick } from './differential-world.ts';
import type { Both, Operation, World } from './differential-world.ts';
import * as objects from './object-commands.ts';
import type { SealedBlob } from './object-commands.ts';
import { password } from './session.ts';
import type { Authorization } from './session.ts';
import * as spec from './spec.ts';

/** Handles and blobs are kept for both sides. Plain functions: none looks at `this`. */
export const objectOperations = {
  async primary(run: DifferentialRun, world: World, { a, b }: Operation): Promise<void> {
    const template = b % 4 === 3 ? objects.ATTESTATION_KEY_TEMPLATE : objects.STORAGE_KEY_TEMPLATE;
    const hierarchy = pick([commands.OWNER, commands.OWNER, commands.ENDORSEMENT, commands.PLATFORM], a);
    const command = objects.createPrimary({ template, hierarchy });
    const made = await run.authorized([command, command], [[password(EMPTY)], [password(EMPTY)]], (key) =>
      u32Bytes(key.handle),
    );
    if (made === undefined) return;
    for (const key of made) {
      if (!equalBytes(key.name, nameOf(nodeCrypto, key.publicArea)))
        throw new TpmMismatch('a Name is not that of its public area');
    }
    if (template === objects.STORAGE_KEY_TEMPLATE) world.srk ??= made;
    else world.signing.push(made);
  },
  async seal(run: DifferentialRun, world: World, { a, b, c }: Operation): Promise<void> {
    const parents = world.srk ?? world.signing[0];
    if (parents === undefined) return;
    const policy = pick([EMPTY, new Uint8Array(32), filled(32, 2)], a);
    const data = filled(pick([4, 32, 128, 1, 0, 129], b < 15 ? b % 4 : b), c);
    const secret = pick(SECRETS, c % 2);
    const attributes = pick(
      [
        objects.SEALED_ATTRIBUTES,
        objects.SEALED_ATTRIBUTES | spec.TPMA_OBJECT_USER_WITH_AUTH,
        0x452,
        0x402,
        0x4412,
        0x20412,
      ],
      c,
    );
    const make = (parent: Entity): Command<SealedBlob> =>
      objects.createSealed({ parent, data, policy, attributes, authValue: secret });
    const both: Both<Command<SealedBlob>> = [make(parents[0]), make(parents[1])];
    const blobs = await run.authorized(both, [[password(EMPTY)], [password(EMPTY)]], (blob) =>
      Uint8Array.of(blob.public.length, blob.private.length),
    );
    if (blobs !== undefined) world.blobs.push({ both: blobs, secret });
  },
  async load(run: DifferentialRun, world: World, { a, b, c }: Operation): Promise<void> {
    const parents = world.srk ?? world.signing[0];
    if (parents === undefined || world.blobs.length === 0) return;
    const { both: blobs, secret } = pick(world.blobs, a);
    const damage = (bytes: Uint8Array): Uint8Array =>
      b === 19 ? bytes.map((byte, i) => (i === 3 * c + 2 ? byte ^ 1 : byte)) : bytes;
    const make = (side: 0 | 1): Command<Entity> =>
      objects.load(parents[side], { ...blobs[side], private: damage(blobs[side].private) });
    const loaded = await run.authorized([make(0), make(1)], [[password(EMPTY)], [password(EMPTY)]], (object) =>
      u32Bytes(object.handle),
    );
    if (loaded !== undefined) world.sealed.push({ both: loaded, secret });
  },
  async unseal(run: DifferentialRun, world: World, { a, b, c }: Operation): Promise<void> {
    if (world.sealed.length === 0) return;
    const { both: object, secret: right } = pick(world.sealed, a);
    const secret = c < 16 ? right : pick(SECRETS, c);
    const live = sessionAt(world, b);
    const isBySession = live !== undefined && live.kind !== 'trial' && c % 2 === 0;
    const use = (side: 0 | 1): Authorization =>
      isBySession ? { kind: 'session', session: live.both[side], authValue: secret } : password(secret);
    await run.authorized([objects.unseal(object[0]), objects.unseal(object[1])], [[use(0)], [use(1)]], (data) => data);
  },
  async quote(run: DifferentialRun, world: World, { a, b }: Operation): Promise<void> {
    if (world.signing.length === 0) return;
    const keys = pick(world.signing, a);
    const make = (side: 0 | 1): Command<objects.Quote> => objects.quote(keys[side], filled(b, 1), [0, 16]);
    // The end of what is signed is the PCR selection and digest.
    await run.authorized([make(0), make(1)], [[password(EMPTY)], [password(EMPTY)]], ({ attested }) =>
      attested.slice(-44),
    );
  },
} as const;
