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
import { adminOperations } from './differential-admin.ts';
import { malformedOperations } from './differential-malformed.ts';
import { nvOperations } from './differential-nv.ts';
import { objectOperations } from './differential-objects.ts';
import { sessionOperations } from './differential-sessions.ts';
import { ByteReader, equalBytes } from './codec.ts';
import * as commands from './commands.ts';
import type { Command } from './commands.ts';
import { nodeCrypto } from './crypto-node.ts';
import { mismatch, plain, responseCode } from './differential-world.ts';
import type { Both, Operation, Side, World } from './differential-world.ts';
import { prepare } from './session.ts';
import type { Authorization } from './session.ts';
import * as spec from './spec.ts';

export { TpmMismatch } from './differential-world.ts';
export type { Operation, Side } from './differential-world.ts';

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

const OPERATIONS = {
  ...nvOperations,
  ...sessionOperations,
  ...objectOperations,
  ...adminOperations,
  ...malformedOperations,
} as const;

export type OperationKind = keyof typeof OPERATIONS;
export const OPERATION_KINDS = Object.keys(OPERATIONS) as readonly OperationKind[];
