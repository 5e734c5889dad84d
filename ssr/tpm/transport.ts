/**
 * Ways to a TPM. All carry the same bytes: one whole command there, one whole response back.
 *
 * A stream (socketpair, UNIX socket, TCP) is framed by the 32-bit size at offset 2 of each response. One command may be
 * in flight; the queue is in the client. When an answer is late, malformed or followed by bytes that belong to no
 * command, the stream is closed: what comes next could not be told apart from the answer to something else.
 * Nothing here reads a command's meaning, and nothing is ever sent twice.
 */
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { TpmTransportError } from './errors.ts';
import { HEADER_SIZE_BYTES, MAX_COMMAND_SIZE_BYTES, MAX_RESPONSE_SIZE_BYTES } from './spec.ts';

/** The one thing a TPM does. */
export interface TpmTransport {
  /**
   * Sends one whole command and gives its whole response, whose size field equals its length.
   * @throws RangeError for a command that is not 10 to 4096 bytes; TpmTransportError if there is no proper answer
   */
  send(command: Uint8Array): Promise<Uint8Array>;
  /** Idempotent. A command in flight fails with `TPM_CLOSED`. */
  close(): Promise<void>;
}

export interface StreamOptions {
  /** Longest wait for one answer. Key generation on a hardware TPM takes seconds. */
  readonly timeoutMs?: number;
}

const ANSWER_TIMEOUT_MS = 60_000;

/** @throws RangeError unless a TPM could take the command in one piece */
export function checkCommandSize(command: Uint8Array): void {
  if (command.length < HEADER_SIZE_BYTES || command.length > MAX_COMMAND_SIZE_BYTES) {
    throw new RangeError(
      `command is ${command.length} bytes long, not ${HEADER_SIZE_BYTES} to ${MAX_COMMAND_SIZE_BYTES}`,
    );
  }
}

/** Size field at offset 2, or undefined while fewer than 6 bytes are there. */
function claimedSize(bytes: Uint8Array): number | undefined {
  if (bytes.length < 6) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(2);
}

class StreamTransport implements TpmTransport {
  readonly #stream: Duplex;
  readonly #timeoutMs: number;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { resolve(response: Uint8Array): void; reject(error: Error): void; timer: NodeJS.Timeout } | undefined;
  #failure: TpmTransportError | undefined;

  constructor(stream: Duplex, options: StreamOptions) {
    this.#stream = stream;
    this.#timeoutMs = options.timeoutMs ?? ANSWER_TIMEOUT_MS;
    stream.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    stream.on('error', (cause) => {
      this.#fail(new TpmTransportError('TPM_GONE', 'connection to the TPM failed', { cause }));
    });
    stream.on('close', () => {
      this.#fail(
        new TpmTransportError(
          'TPM_GONE',
          'the TPM closed the connection; the outcome of a command in flight is unknown',
        ),
      );
    });
  }

  send(command: Uint8Array): Promise<Uint8Array> {
    checkCommandSize(command);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waiting !== undefined) {
      return Promise.reject(new TpmTransportError('TPM_BUSY', 'a command is in flight; queue commands in the client'));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#fail(
          new TpmTransportError(
            'TPM_TIMEOUT',
            `no answer from the TPM within ${this.#timeoutMs} ms; the outcome is unknown`,
          ),
        );
      }, this.#timeoutMs);
      this.#waiting = { resolve, reject, timer };
      this.#stream.write(command);
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const size = claimedSize(this.#received);
    const { length } = this.#received;
    if (this.#waiting === undefined) return this.#refuse(`${length} bytes that answer no command`);
    if (size === undefined) return;
    if (size < HEADER_SIZE_BYTES || size > MAX_RESPONSE_SIZE_BYTES)
      return this.#refuse(`a response that claims ${size} bytes`);
    if (length > size) return this.#refuse(`${length - size} bytes after the response`);
    if (length < size) return;
    const waiting = this.#waiting;
    clearTimeout(waiting.timer);
    const response = new Uint8Array(this.#received);
    this.#waiting = undefined;
    this.#received = Buffer.alloc(0);
    waiting.resolve(response);
  }

  #refuse(what: string): void {
    this.#fail(new TpmTransportError('TPM_BAD_RESPONSE', `the TPM sent ${what}; the connection is closed`));
  }

  #fail(error: TpmTransportError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#stream.destroy();
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    waiting.reject(error);
  }

  close(): Promise<void> {
    this.#fail(new TpmTransportError('TPM_CLOSED', 'the connection to the TPM was closed'));
    return Promise.resolve();
  }
}

/** A TPM behind an open stream, for instance one end of a socketpair. Takes the stream over. */
export function streamTransport(stream: Duplex, options: StreamOptions = {}): TpmTransport {
  return new StreamTransport(stream, options);
}

/** Where a TPM listens. */
export type TpmAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Connects to a TPM that listens on TCP or on a UNIX socket. @throws TpmTransportError `TPM_UNREACHABLE` */
export function connectTransport(address: TpmAddress, options: StreamOptions = {}): Promise<TpmTransport> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
    socket.setNoDelay(true);
    socket.once('error', (cause) => {
      reject(new TpmTransportError('TPM_UNREACHABLE', `no TPM answers at ${where}`, { cause }));
    });
    socket.once('connect', () => {
      resolve(streamTransport(socket, options));
    });
  });
}

/**
 * The kernel's resource manager, one write and one read a command. The kernel itself bounds the time of a command.
 * Tested on a character device with swtpm behind it, not on hardware; the bytes are those of the sockets.
 * @throws TpmTransportError `TPM_UNREACHABLE` if the device cannot be opened
 */
export async function openDevice(path = '/dev/tpmrm0'): Promise<TpmTransport> {
  const file = await open(path, 'r+').catch((cause: unknown) => {
    throw new TpmTransportError(
      'TPM_UNREACHABLE',
      `cannot open ${path}; is there a TPM, and may this user use it (group tss)?`,
      { cause },
    );
  });
  let state: 'idle' | 'busy' | 'closed' = 'idle';
  return {
    async send(command) {
      checkCommandSize(command);
      if (state !== 'idle')
        throw new TpmTransportError(state === 'busy' ? 'TPM_BUSY' : 'TPM_CLOSED', `${path} is ${state}`);
      state = 'busy';
      try {
        await file.write(command);
        const { bytesRead, buffer } = await file.read(new Uint8Array(MAX_RESPONSE_SIZE_BYTES));
        const response = buffer.slice(0, bytesRead);
        if (bytesRead < HEADER_SIZE_BYTES || claimedSize(response) !== bytesRead) {
          throw new TpmTransportError('TPM_BAD_RESPONSE', `${path} gave ${bytesRead} bytes that are no response`);
        }
        return response;
      } catch (cause) {
        if (cause instanceof TpmTransportError) throw cause;
        throw new TpmTransportError('TPM_GONE', `${path} failed; the outcome of the command is unknown`, { cause });
      } finally {
        if (state === 'busy') state = 'idle';
      }
    },
    async close() {
      if (state === 'closed') return;
      state = 'closed';
      await file.close();
    },
  };
}
