/**
 * The TPM 2.0 client: one command in flight, retries where the TPM asks for them, answers only after their checks.
 *
 * `Tpm.run` is the one way through: it queues, authorizes (`session.ts`), sends, verifies and decodes. The rest are
 * small conversations made of it. A TPM answers one command at a time and swtpm loses the second of two coalesced
 * commands, so the queue is here and not in the caller.
 */
import { ByteReader, ByteWriter, concatBytes, equalBytes, u16Bytes } from './codec.ts';
import type { NvPublic } from './codec.ts';
import * as commands from './commands.ts';
import type { Command, Entity } from './commands.ts';
import { kdfa, kdfe } from './crypto.ts';
import type { TpmCrypto } from './crypto.ts';
import { RETRYABLE_CODES, TpmError, TpmTransportError } from './errors.ts';
import * as objects from './object-commands.ts';
import type { LoadedKey, PrimaryKey } from './object-commands.ts';
import { endSessions, NO_PASSWORD, prepare } from './session.ts';
import type { Authorization, Session } from './session.ts';
import { SHA256_SIZE_BYTES, TPM_ALG_SHA256 } from './spec.ts';
import type { TpmTransport } from './transport.ts';

/** A command is sent at most this many times: once, and then as often as the TPM says "not now". */
export const SEND_COUNT_MAX = 20;
/** Pause before a repetition; doubled each time up to the second number. A rate-limited TPM wants tens of milliseconds. */
const RETRY_PAUSE_MS = { first: 1, longest: 200 } as const;

export interface TpmOptions {
  readonly crypto: TpmCrypto;
  /** Called before a command is sent again; for logs and for tests. */
  readonly onRetry?: (error: TpmError, sentCount: number) => void;
}

export interface SessionOptions {
  readonly kind: Session['kind'];
  /**
   * Encrypt a secret salt to this loaded storage key. Whoever holds the wire could have answered CreatePrimary with a key
   * of its own: compare `saltKey.name` with one recorded earlier if such an attacker matters.
   */
  readonly saltKey?: LoadedKey;
  /** Parameter encryption possible; true by default. */
  readonly encrypts?: boolean;
}

/** The Name of something with this public area: algorithm, then digest (Part 1 §16). */
export function nameOf(crypto: TpmCrypto, publicArea: Uint8Array): Uint8Array {
  return concatBytes(u16Bytes(TPM_ALG_SHA256), crypto.sha256(publicArea));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

export class Tpm {
  readonly crypto: TpmCrypto;
  readonly #transport: TpmTransport;
  readonly #onRetry: TpmOptions['onRetry'];
  /** Settles when the command at the end of the queue has its answer; never rejects. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(transport: TpmTransport, options: TpmOptions) {
    this.crypto = options.crypto;
    this.#transport = transport;
    this.#onRetry = options.onRetry;
  }

  /**
   * Runs one command after those already queued. With `ready`, it is made ready while that is waited for, and sent then.
   * @throws what `ready` rejects with: the command was not sent and the sessions are as before; TpmError if the TPM refuses; TpmTransportError if there is no answer or a wrong one (the outcome is then
   * unknown, and the sessions used are ended); RangeError if command and authorizations do not fit
   */
  run<Result>(
    command: Command<Result>,
    authorizations: readonly Authorization[] = [],
    ready?: Promise<unknown>,
  ): Promise<Result> {
    const turn = this.#tail.then(() => this.#runNow(command, authorizations, ready));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async #runNow<Result>(
    command: Command<Result>,
    authorizations: readonly Authorization[],
    ready: Promise<unknown> | undefined,
  ): Promise<Result> {
    const prepared = prepare(this.crypto, command, authorizations);
    await ready;
    try {
      const { handle, parameters } = await this.#sendUntilDone(prepared);
      return decode(command, parameters, handle);
    } catch (error) {
      if (!(error instanceof TpmError)) endSessions(authorizations.map((use) => ({ use })));
      throw error;
    }
  }

  /** A command refused with a retryable code was not started and rolled no nonce, so the very same bytes go again. */
  async #sendUntilDone(prepared: ReturnType<typeof prepare>): Promise<ReturnType<typeof prepared.accept>> {
    let pauseMs: number = RETRY_PAUSE_MS.first;
    for (let sentCount = 1; ; sentCount += 1) {
      const response = await this.#transport.send(prepared.bytes);
      try {
        return prepared.accept(response);
      } catch (error) {
        const again =
          error instanceof TpmError && RETRYABLE_CODES.has(error.responseCode) && sentCount < SEND_COUNT_MAX;
        if (!again) throw error;
        this.#onRetry?.(error, sentCount);
        // 0x922 asks for an immediate repetition; the pause matters for a TPM that limits its rate.
        if (sentCount > 1) await pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, RETRY_PAUSE_MS.longest);
      }
    }
  }

  /** Startup(CLEAR); a TPM that is already started (another program did) is fine. */
  async startup(): Promise<void> {
    try {
      await this.run(commands.startup('clear'));
    } catch (error) {
      if (!(error instanceof TpmError && error.code === 'TPM_RC_INITIALIZE')) throw error;
    }
  }

  /** Exactly `sizeBytes` random bytes, however few the TPM gives at a time. */
  async random(sizeBytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let left = sizeBytes;
    while (left > 0) {
      const part = await this.run(commands.getRandom(Math.min(left, SHA256_SIZE_BYTES)));
      if (part.length === 0 || part.length > left) {
        throw new TpmTransportError(
          'TPM_BAD_RESPONSE',
          `GetRandom gave ${part.length} bytes, at most ${left} were asked for`,
        );
      }
      parts.push(part);
      left -= part.length;
    }
    return concatBytes(...parts);
  }

  /** An index with its present Name, recomputed from its public area. Ask again after the first write: the Name changes. */
  async nvEntity(index: number): Promise<Entity & { readonly public: NvPublic }> {
    const answer = await this.run(commands.nvReadPublic(index));
    if (answer.public.index !== index || !equalBytes(answer.name, nameOf(this.crypto, answer.area))) {
      throw new TpmTransportError(
        'TPM_RESPONSE_FORGED',
        `NV index 0x${index.toString(16)}: Name and public area disagree`,
      );
    }
    return { handle: index, name: answer.name, public: answer.public };
  }

  /** Makes and loads a primary key; its Name is recomputed. Flush its handle when done. */
  async createPrimary(key: PrimaryKey, authorization: Authorization = NO_PASSWORD): Promise<LoadedKey> {
    const made = await this.run(objects.createPrimary(key), [authorization]);
    if (!equalBytes(made.name, nameOf(this.crypto, made.publicArea))) {
      throw new TpmTransportError('TPM_RESPONSE_FORGED', 'CreatePrimary: Name and public area disagree');
    }
    return made;
  }

  /** Starts a session; salted if a key is given, so that even one who saw every byte cannot forge its HMACs. */
  async startSession(options: SessionOptions): Promise<Session> {
    const { kind, saltKey, encrypts = true } = options;
    const nonceCaller = this.crypto.random(SHA256_SIZE_BYTES);
    const base = { type: kind, nonceCaller, encrypts };
    if (saltKey === undefined) {
      const started = await this.run(commands.startAuthSession(base));
      return {
        kind,
        handle: started.handle,
        sessionKey: new Uint8Array(0),
        encrypts,
        nonceTpm: started.nonceTpm,
        ended: false,
      };
    }
    const { salt, encryptedSalt } = makeSalt(this.crypto, saltKey);
    const started = await this.run(commands.startAuthSession({ ...base, saltKey, encryptedSalt }));
    const sessionKey = kdfa(this.crypto, salt, 'ATH', started.nonceTpm, nonceCaller, 256);
    return { kind, handle: started.handle, sessionKey, encrypts, nonceTpm: started.nonceTpm, ended: false };
  }

  /** Frees the TPM's slot; does nothing for a session that ended. */
  async endSession(session: Session): Promise<void> {
    if (session.ended) return;
    session.ended = true;
    await this.run(commands.flushContext(session.handle));
  }

  flush(handle: number): Promise<void> {
    return this.run(commands.flushContext(handle));
  }

  /** Waits for the queue, then closes the transport. */
  async close(): Promise<void> {
    await this.#tail;
    await this.#transport.close();
  }
}

function decode<Result>(command: Command<Result>, parameters: Uint8Array, handle: number): Result {
  const reader = new ByteReader(parameters);
  const result = command.decode(reader, handle);
  reader.end();
  return result;
}

/** One-pass ECDH (Part 1 Annex C.6.3): an ephemeral key, its point sent, the shared secret hashed into a salt. */
function makeSalt(crypto: TpmCrypto, key: LoadedKey): { salt: Uint8Array; encryptedSalt: Uint8Array } {
  if (crypto.ecc === undefined) throw new RangeError('salted sessions need an engine with elliptic curves');
  const ephemeral = crypto.ecc.generate();
  const shared = crypto.ecc.sharedX(ephemeral.scalar, key.point);
  if (shared === undefined) throw new TpmTransportError('TPM_BAD_RESPONSE', 'the salt key is not a point on P-256');
  const salt = kdfe(crypto, shared, 'SECRET', ephemeral.point.x, key.point.x);
  const encryptedSalt = new ByteWriter().sized(ephemeral.point.x).sized(ephemeral.point.y).done();
  return { salt, encryptedSalt };
}
