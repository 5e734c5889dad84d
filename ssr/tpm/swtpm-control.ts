/**
 * swtpm's control channel: power cycles and whole-state snapshots of a real TPM, in well under a millisecond.
 *
 * Each request is a 32-bit command and its arguments, each answer a 32-bit result and its fields, all big-endian
 * (swtpm_ioctls(8)). One request is in flight; later ones wait their turn.
 * A state blob is whatever swtpm wrote, encrypted with its key: opaque, and never equal twice (it holds the clock).
 */
import type { Duplex } from 'node:stream';
import { ByteReader, ByteWriter } from './codec.ts';

const CMD_GET_CAPABILITY = 1;
const CMD_INIT = 2;
const CMD_GET_STATEBLOB = 12;
const CMD_SET_STATEBLOB = 13;
const CMD_STOP = 14;
const BLOB_TYPE_PERMANENT = 1;
/** More than swtpm's whole NV memory. */
const STATE_SIZE_MAX_BYTES = 4 * 1024 * 1024;

/** The permanent state of a swtpm at one moment. */
export interface SwtpmState {
  readonly flags: number;
  readonly blob: Uint8Array;
}

export class SwtpmControl {
  readonly #stream: Duplex;
  readonly #errorFor: (message: string) => Error;
  #tail: Promise<unknown> = Promise.resolve();
  #received: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(stream: Duplex, errorFor: (message: string) => Error) {
    this.#stream = stream;
    this.#errorFor = errorFor;
    stream.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    stream.on('error', end);
    stream.on('close', end);
  }

  close(): void {
    this.#stream.destroy();
  }

  async #take(length: number): Promise<ByteReader> {
    while (this.#received.length < length) {
      if (this.#ended) throw this.#errorFor('swtpm closed its control channel');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = Uint8Array.from(this.#received.subarray(0, length));
    this.#received = this.#received.subarray(length);
    return new ByteReader(taken);
  }

  #request<Result>(name: string, body: Uint8Array, read: () => Promise<Result>): Promise<Result> {
    const turn = this.#tail.then(async () => {
      if (this.#ended) throw this.#errorFor('swtpm closed its control channel');
      this.#stream.write(body);
      const result = (await this.#take(4)).u32();
      if (result !== 0) throw this.#errorFor(`swtpm refused ${name}: result 0x${result.toString(16)}`);
      return read();
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Bits of what this swtpm supports; an answer also says that it is up. */
  capabilities(): Promise<number> {
    const body = new ByteWriter().u32(CMD_GET_CAPABILITY).done();
    return this.#request('GET_CAPABILITY', body, async () => (await this.#take(4)).u32());
  }

  /** Power off and on again; the TPM then waits for Startup. Everything volatile is gone. */
  powerCycle(): Promise<void> {
    return this.#request('INIT', new ByteWriter().u32(CMD_INIT).u32(0).done(), () => Promise.resolve());
  }

  /** Power off. Only `powerCycle` and `restore` make sense afterwards. */
  powerOff(): Promise<void> {
    return this.#request('STOP', new ByteWriter().u32(CMD_STOP).done(), () => Promise.resolve());
  }

  /** The permanent state, as after a power cut right now. */
  snapshot(): Promise<SwtpmState> {
    const body = new ByteWriter().u32(CMD_GET_STATEBLOB).u32(0).u32(BLOB_TYPE_PERMANENT).u32(0).done();
    return this.#request('GET_STATEBLOB', body, async () => {
      const header = await this.#take(12);
      const flags = header.u32();
      const total = header.u32();
      const length = header.u32();
      if (total !== length || total > STATE_SIZE_MAX_BYTES)
        throw this.#errorFor(`swtpm gave ${length} of ${total} bytes of state`);
      return { flags, blob: (await this.#take(length)).take(length) };
    });
  }

  /** Rewinds to a snapshot, power cycle included; the TPM then waits for Startup. */
  async restore(state: SwtpmState): Promise<void> {
    await this.powerOff();
    const body = new ByteWriter().u32(CMD_SET_STATEBLOB).u32(state.flags).u32(BLOB_TYPE_PERMANENT);
    body.u32(state.blob.length).bytes(state.blob);
    await this.#request('SET_STATEBLOB', body.done(), () => Promise.resolve());
    await this.powerCycle();
  }
}
