/**
 * Holds the simulated TPM to a real one: each operation becomes a command for both, and their answers must agree.
 *
 * Where the standard fixes every byte of the answer, all bytes must be equal (`exact`). Where nonces, keys, random bytes
 * or a TPM's own blobs are in the answer, the response code, the handle and the length must be equal (`shape`). Session
 * commands are authorized and verified for each side with its own nonces, and their decrypted answers compared.
 *
 * Operations are plain small numbers, so a generator can draw and shrink them; they are interpreted against what is
 * defined and started at that moment, so that most commands reach deep into the TPM instead of failing at the door.
 */
import { ByteReader, ByteWriter, concatBytes, equalBytes, u32Bytes } from './codec.ts';
import * as commands from './commands.ts';
import type { Command, Entity } from './commands.ts';
import { nodeCrypto } from './crypto-node.ts';
import { kdfa, kdfe } from './crypto.ts';
import { TpmError } from './errors.ts';
import * as objects from './object-commands.ts';
import type { LoadedKey, SealedBlob } from './object-commands.ts';
import { nameOf } from './client.ts';
import { password, prepare } from './session.ts';
import type { Authorization, Session } from './session.ts';
import * as spec from './spec.ts';

/** One side: bytes to bytes, and a power switch. */
export interface Side {
  send(command: Uint8Array): Promise<Uint8Array>;
  powerCycle(): Promise<void>;
}

/** An operation: which one, and five small numbers that it interprets as it likes. */
export interface Operation {
  readonly kind: OperationKind;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
}

/** The two sides disagree. The message has everything that is needed to see why. */
export class TpmMismatch extends Error {}

/** Two of everything: `[real, simulated]`. */
type Both<T> = readonly [T, T];

interface World {
  readonly sides: Both<Side>;
  sessions: { both: Both<Session>; kind: Session['kind'] }[];
  srk: Both<LoadedKey> | undefined;
  blobs: { both: Both<SealedBlob>; secret: Uint8Array }[];
  sealed: { both: Both<Entity>; secret: Uint8Array }[];
  signing: Both<Entity>[];
  /** What the indices were defined with, so that most accesses are such as can succeed. */
  defined: Map<number, { secret: Uint8Array; kind: number; sizeBytes: number }>;
}

const INDICES = [0x01800001, 0x01800002, 0x01800003, 0x01c00004];
const SECRETS = [
  new Uint8Array(0),
  Uint8Array.of(1, 2, 3),
  Uint8Array.of(1, 2, 3, 0, 0),
  new Uint8Array(32).fill(9),
  new Uint8Array(33).fill(7),
];
const SIZES = [8, 32, 0, 1, 7, 9, 33, 64, 1024, 1025, 2048, 2049];
const LENGTHS = [8, 32, 0, 1, 7, 16, 64, 1024, 1025];
const OFFSETS = [0, 1, 8, 24, 65535];
const PCRS = [16, 23, 10, 0, 7, 15, 17, 20, 22];
const EMPTY = new Uint8Array(0);
const { TPMA_NV_AUTHREAD, TPMA_NV_AUTHWRITE, TPMA_NV_OWNERREAD, TPMA_NV_OWNERWRITE, TPMA_NV_NO_DA } = spec;
const AUTH_RW = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE;
const OWNER_RW = TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE;
const POLICY_RW = spec.TPMA_NV_POLICYREAD | spec.TPMA_NV_POLICYWRITE;
const ACCESS = [
  AUTH_RW,
  AUTH_RW | OWNER_RW,
  OWNER_RW,
  TPMA_NV_AUTHREAD | TPMA_NV_OWNERWRITE,
  AUTH_RW | POLICY_RW,
  POLICY_RW,
  TPMA_NV_AUTHREAD,
  TPMA_NV_AUTHWRITE,
  AUTH_RW | spec.TPMA_NV_WRITEALL,
  AUTH_RW | spec.TPMA_NV_CLEAR_STCLEAR,
  AUTH_RW | spec.TPMA_NV_CLEAR_STCLEAR | spec.TPMA_NV_WRITEDEFINE,
  AUTH_RW | spec.TPMA_NV_PLATFORMCREATE,
  AUTH_RW | spec.TPMA_NV_WRITTEN,
  AUTH_RW | 0x100,
  AUTH_RW | spec.TPMA_NV_PPREAD | spec.TPMA_NV_PPWRITE | OWNER_RW,
];

function pick<T>(list: readonly T[], at: number): T {
  const item = list[at % list.length];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

/** Deterministic bytes: both sides must get the same. */
function filled(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 31 + 1) & 0xff);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function responseCode(response: Uint8Array): number {
  return new DataView(response.buffer, response.byteOffset).getUint32(6);
}

/** Compares answers of both sides to one operation and counts. */
export class DifferentialRun {
  readonly #world: World;
  /** Commands sent to each side and compared. */
  commandCount = 0;
  /** How many of them succeeded: a run that only collects refusals compares little. */
  successCount = 0;
  /** Response codes seen, with how often. */
  readonly codes = new Map<number, number>();

  /** Both sides must be in equal, freshly powered state. */
  constructor(real: Side, simulated: Side) {
    this.#world = {
      sides: [real, simulated],
      sessions: [],
      srk: undefined,
      blobs: [],
      sealed: [],
      signing: [],
      defined: new Map(),
    };
  }

  /** Startup, and one index of each kind, so that even short sequences have something to work on. */
  async start(): Promise<void> {
    await this.#exact(plain(commands.startup()));
    for (const b of [0, 1, 2]) await this.apply({ kind: 'define', a: b, b, c: 1, d: 0, e: b });
  }

  async apply(operation: Operation): Promise<void> {
    await OPERATIONS[operation.kind](this, this.#world, operation);
  }

  async exchange(both: Both<Uint8Array>): Promise<Both<Uint8Array>> {
    const [real, simulated] = this.#world.sides;
    const answers: Both<Uint8Array> = [await real.send(both[0]), await simulated.send(both[1])];
    this.commandCount += 1;
    const code = responseCode(answers[0]);
    if (code === 0) this.successCount += 1;
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    return answers;
  }

  async #exact(bytes: Uint8Array): Promise<Uint8Array> {
    const [real, simulated] = await this.exchange([bytes, bytes]);
    if (!equalBytes(real, simulated)) throw mismatch('bytes differ', [bytes, bytes], [real, simulated]);
    return real;
  }

  /** Same bytes to both, same bytes from both. Gives the response code. */
  async exact(bytes: Uint8Array): Promise<number> {
    return responseCode(await this.#exact(bytes));
  }

  /** Same response code and length from both; and the same handle, where one is returned. */
  async shape(both: Both<Uint8Array>, handleReturned = false): Promise<Both<Uint8Array> | undefined> {
    const answers = await this.exchange(both);
    const [real, simulated] = answers;
    const fixed = handleReturned && real.length > 14 ? 14 : 10;
    if (real.length !== simulated.length || !equalBytes(real.subarray(0, fixed), simulated.subarray(0, fixed))) {
      throw mismatch('shapes differ', both, answers);
    }
    return responseCode(real) === 0 ? answers : undefined;
  }

  /** Each side authorizes the same command with its own sessions; decoded answers must be equal if `compare` says so. */
  async authorized<Result>(
    both: Both<Command<Result>>,
    authorizations: Both<readonly Authorization[]>,
    compare: ((result: Result) => Uint8Array) | undefined,
  ): Promise<Both<Result> | undefined> {
    const prepared = [
      prepare(nodeCrypto, both[0], authorizations[0]),
      prepare(nodeCrypto, both[1], authorizations[1]),
    ] as const;
    const sent: Both<Uint8Array> = [prepared[0].bytes, prepared[1].bytes];
    const answers = await this.shape(sent, spec.COMMANDS[both[0].name].responseHandle);
    if (answers === undefined) return undefined;
    const results = answers.map((answer, side) => {
      const { handle, parameters } = (side === 0 ? prepared[0] : prepared[1]).accept(answer);
      const reader = new ByteReader(parameters);
      const result = (side === 0 ? both[0] : both[1]).decode(reader, handle);
      reader.end();
      return result;
    });
    const pair = results as unknown as Both<Result>;
    if (compare !== undefined && !equalBytes(compare(pair[0]), compare(pair[1])))
      throw mismatch('answers differ', sent, answers);
    return pair;
  }
}

function mismatch(what: string, sent: Both<Uint8Array>, answers: Both<Uint8Array>): TpmMismatch {
  const side = (name: string, at: 0 | 1): string => {
    const code = responseCode(answers[at]);
    const meaning = code === 0 ? 'success' : new TpmError('answer', code).message;
    return `  ${name} sent ${hex(sent[at])}\n  ${name} gave ${hex(answers[at])} (${meaning})`;
  };
  return new TpmMismatch(`${what}\n${side('swtpm    ', 0)}\n${side('simulated', 1)}`);
}

/** A command as bytes, with passwords only. */
function plain(command: Command<unknown>, ...passwords: readonly Uint8Array[]): Uint8Array {
  return prepare(
    nodeCrypto,
    command,
    passwords.map((value) => password(value)),
  ).bytes;
}

/** An index: mostly one that is defined and of this kind, if there is one. */
function target(world: World, operation: Operation, kind: number | undefined): number {
  const fitting = INDICES.filter((index) => {
    const known = world.defined.get(index);
    return known !== undefined && (kind === undefined || known.kind === kind);
  });
  return operation.c < 16 && fitting.length > 0 ? pick(fitting, operation.a) : pick(INDICES, operation.a);
}

function nvCommand(
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

function sessionAt(world: World, at: number): World['sessions'][number] | undefined {
  return world.sessions.length === 0 ? undefined : pick(world.sessions, at);
}

/** A live policy session's handle, or one that is not there. */
function policyHandle(world: World, at: number): number {
  const session = sessionAt(world, at);
  return session === undefined ? 0x03000000 : session.both[0].handle;
}

function forget(world: World): void {
  world.sessions = [];
  world.srk = undefined;
  world.sealed = [];
  world.signing = [];
}

/** Interprets one operation. Plain functions: none looks at `this`. */
const OPERATIONS = {
  async define(run: DifferentialRun, world: World, { a, b, c, d, e }: Operation): Promise<void> {
    // A small draw means a sensible index, so that later commands have something to work on.
    const kind = pick([0, spec.TPMA_NV_COUNTER, spec.TPMA_NV_EXTEND], b);
    const fitting = kind === spec.TPMA_NV_COUNTER ? 8 : 32;
    const sizeBytes = d < 8 ? fitting : pick(SIZES, d);
    const authPolicy = e < 10 ? EMPTY : pick([EMPTY, new Uint8Array(32), filled(32, 1), new Uint8Array(20)], e);
    const attributes = (pick(ACCESS, c < 6 ? c % 2 : c) | TPMA_NV_NO_DA | kind) >>> 0;
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
  async readPublic(run: DifferentialRun, _world: World, { a }: Operation): Promise<void> {
    await run.exact(plain(commands.nvReadPublic(pick(INDICES, a))));
  },
  async listHandles(run: DifferentialRun, _world: World, { a, b }: Operation): Promise<void> {
    await run.exact(plain(commands.getHandles(pick([0x01000000, 0x01800002, 0x80000000], a), pick([100, 1, 2, 0], b))));
  },
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
  async malformed(run: DifferentialRun, world: World, { a, b, c, d, e }: Operation): Promise<void> {
    const [kind, draw] = pick(SOURCES, a);
    const bytes = draw(world, { kind, a: c, b: 0, c: e & 1, d, e });
    await run.exact(mutate(bytes, b, c * 20 + d, e));
  },
} as const;

export type OperationKind = keyof typeof OPERATIONS;
export const OPERATION_KINDS = Object.keys(OPERATIONS) as readonly OperationKind[];

/** The Name of an index as both sides tell it, or undefined if it is not defined. */
async function namedIndex(run: DifferentialRun, handle: number): Promise<Entity | undefined> {
  const command = commands.nvReadPublic(handle);
  const answer = await run.authorized([command, command], [[], []], ({ area, name }) => concatBytes(area, name));
  return answer === undefined ? undefined : { handle, name: answer[0].name };
}

/** Well-formed commands whose answer the standard fixes, to be damaged. */
const SOURCES: readonly (readonly [OperationKind, (world: World, operation: Operation) => Uint8Array])[] = [
  [
    'write',
    (world, operation) =>
      nvCommand(world, operation, 0, (access) => commands.nvWrite({ ...access, data: filled(8, 1) })),
  ],
  [
    'read',
    (world, operation) =>
      nvCommand(world, operation, undefined, (access) => commands.nvRead({ ...access, sizeBytes: 8 })),
  ],
  [
    'increment',
    (world, operation) => nvCommand(world, operation, spec.TPMA_NV_COUNTER, (access) => commands.nvIncrement(access)),
  ],
  ['pcrRead', () => plain(commands.pcrRead([0, 16]))],
  ['pcrExtend', () => plain(commands.pcrExtend(16, filled(32, 1)), EMPTY)],
  ['readPublic', (_world, { a }) => plain(commands.nvReadPublic(pick(INDICES, a)))],
  ['policyPcr', (world, { a }) => plain(commands.policyPcr(policyHandle(world, a), [16]))],
  [
    'policyNv',
    (world, { a }) =>
      plain(
        commands.policyNv({
          index: commands.unnamed(pick(INDICES, a)),
          session: policyHandle(world, a),
          operand: filled(8, 1),
          operation: 'eq',
        }),
        EMPTY,
      ),
  ],
  [
    'define',
    (_world, { a }) =>
      plain(
        commands.nvDefineSpace({
          public: { index: pick(INDICES, a), attributes: AUTH_RW | TPMA_NV_NO_DA, authPolicy: EMPTY, sizeBytes: 8 },
        }),
        EMPTY,
      ),
  ],
  ['shutdown', () => plain(commands.shutdown())],
  ['flush', () => plain(commands.flushContext(0x02000007))],
  ['clearControl', () => plain(commands.clearControl(commands.PLATFORM, false), EMPTY)],
];

/** Where a command may be cut, stretched or changed without leaving what is simulated. `how` chooses the damage. */
function mutate(bytes: Uint8Array, how: number, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  switch (how % 8) {
    case 0: // cut, with a header that says so
      return resized(copy.slice(0, Math.max(10, at % copy.length)));
    case 1: // the header claims more or less than was sent
      view.setUint32(2, copy.length + (value - 10 || 1));
      return copy;
    case 2: // bytes too many
      return resized(concatBytes(copy, filled(1 + value, 3)));
    case 3: // another tag
      view.setUint16(0, pick([0x8001, 0x8002, 0x8003, 0x00c1, 0], value));
      return copy;
    case 4: // a command that does not exist
      view.setUint32(6, pick([0, 0x11e, 0x1000, 0xffffffff, 0x20000000], value));
      return copy;
    case 5: // a stretched or emptied command
      return resized(concatBytes(copy.slice(0, 10), value > 9 ? filled(4086, value) : EMPTY));
    default: {
      // One byte of parameters or of the session area, never of a handle or of attributes: those select other features.
      const handles = handleAreaLength(copy);
      const from = 10 + handles;
      if (copy.length <= from || isAttributeful(copy)) return copy;
      const place = from + (at % (copy.length - from));
      copy[place] = (copy[place] ?? 0) ^ (1 << (value & 7));
      return copy;
    }
  }
}

function resized(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint32(2, bytes.length);
  return bytes;
}

function shapeOf(bytes: Uint8Array): spec.CommandShape | undefined {
  const code = new DataView(bytes.buffer).getUint32(6);
  return Object.values(spec.COMMANDS).find((shape) => shape.code === code);
}

function handleAreaLength(bytes: Uint8Array): number {
  return 4 * (shapeOf(bytes)?.handles ?? 0);
}

/** One bit of a definition's attributes, or of a shutdown's type, can ask for a feature that the simulated TPM lacks. */
function isAttributeful(bytes: Uint8Array): boolean {
  const code = shapeOf(bytes)?.code;
  return code === spec.COMMANDS.NV_DefineSpace.code || code === spec.COMMANDS.Shutdown.code;
}
