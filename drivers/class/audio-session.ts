/**
 * A conversation with a sound driver, for whoever plays to it and listens at the loudspeaker: the conformance suite, the
 * demo, the bench. Waits for what should come, up to a deadline; a wait that fails throws with what was seen.
 */
import type { DriverMessage } from '../../kernel/abi.ts';
import { FRAME_BYTES, QUEUE_MIN_BYTES, type Stream } from './audio.ts';

const PATIENCE_MS = 20_000;
/** Between two looks at all that was heard. */
const LISTEN_MS = 10;
/** Buffers of the length that players use. */
export const CHUNK = 4096;

/** A running sound driver, a loudspeaker and perhaps a microphone. */
export interface AudioUnderTest {
  /** What `up` must tell. */
  readonly hertz: number;
  /** A message to the driver. */
  send(message: DriverMessage): void;
  /** Every message from the driver so far, in order; grows. */
  readonly messages: readonly DriverMessage[];
  /** Everything that the loudspeaker played so far. Undefined where nobody can listen. */
  readonly heard: (() => Uint8Array) | undefined;
  /** Speaks into the microphone. Undefined where it hears nothing but silence. */
  readonly say: ((samples: Uint8Array) => void) | undefined;
  /** Where time is virtual: lets some pass. Called while a check waits. */
  idle?(): void;
  close(): Promise<void>;
}

export interface Performance {
  readonly chunks: readonly Uint8Array[];
  /** How often the driver ran out of sound before the end. */
  readonly underruns: number;
}

/** Plays `bytes` at least, always with as much in the queue as every driver takes. */
export async function playSteadily(session: Session, bytes: number): Promise<Performance> {
  const chunks = Array.from({ length: Math.ceil(bytes / CHUNK) }, (_, index) => sound(CHUNK, index));
  const before = session.played();
  let offered = 0;
  let underruns = 0;
  const top = (): void => {
    while (offered < chunks.length && offered * CHUNK - (session.played() - before) < QUEUE_MIN_BYTES) {
      const chunk = chunks[offered];
      if (chunk !== undefined) session.play(chunk);
      offered += 1;
    }
  };
  top();
  await session.start('playback');
  await session.waitUntil('all of it is played', () => {
    if (offered < chunks.length) underruns = session.count('underrun');
    top();
    return session.played() - before >= total(chunks);
  });
  return { chunks, underruns };
}

/** A conversation with a driver. */
export class Session {
  readonly audio: AudioUnderTest;
  readonly #from: number;

  constructor(audio: AudioUnderTest) {
    this.audio = audio;
    this.#from = audio.heard?.().length ?? 0;
  }

  count(kind: string): number {
    return this.audio.messages.filter((message) => message.kind === kind).length;
  }
  /** Bytes that the driver said were played. */
  played(): number {
    return this.audio.messages.reduce(
      (sum, message) => sum + (message.kind === 'played' ? Number(message['frames']) * FRAME_BYTES : 0),
      0,
    );
  }
  captured(): Uint8Array {
    return Buffer.concat(
      this.audio.messages.flatMap(({ kind, samples }) =>
        kind === 'captured' && samples instanceof Uint8Array ? [samples] : [],
      ),
    );
  }
  /** Since this check began. */
  heard(): Uint8Array {
    return this.audio.heard?.().subarray(this.#from) ?? new Uint8Array(0);
  }

  play(samples: Uint8Array): void {
    this.audio.send({ kind: 'play', samples });
  }
  async start(stream: Stream): Promise<void> {
    await this.tell('start', stream, 'started');
  }
  async tell(kind: string, stream: Stream, answer: string): Promise<void> {
    const answers = (): number =>
      this.audio.messages.filter((message) => message.kind === answer && message['stream'] === stream).length;
    const before = answers();
    this.audio.send({ kind, stream });
    await this.waitUntil(`${stream} is ${answer}`, () => answers() > before);
  }
  /** What the driver answers. */
  async rate(stream: Stream, hertz: number): Promise<number> {
    const before = this.count('rate');
    this.audio.send({ kind: 'rate', stream, hertz });
    await this.waitUntil('an answer about the rate', () => this.count('rate') > before);
    return Number(this.audio.messages.findLast(({ kind }) => kind === 'rate')?.['hertz']);
  }

  async waitPlayed(bytes: number): Promise<void> {
    await this.waitUntil(`${bytes} bytes are played`, () => this.played() >= bytes);
  }
  /**
   * Waits until the loudspeaker has played that since this check began, silence aside: exactly, or at least as the last of it.
   * @throws Error that says where it is another
   */
  async waitHeard(chunks: readonly Uint8Array[], how: 'exactly' | 'at last' = 'exactly'): Promise<void> {
    const expected = Buffer.concat(chunks);
    const last = (): Uint8Array => {
      const loud = withoutSilence(this.heard());
      return how === 'exactly' ? loud : loud.subarray(Math.max(0, loud.length - expected.length));
    };
    const isThere = (): boolean => (how === 'exactly' ? last().length >= expected.length : expected.equals(last()));
    await this.waitUntil('it is heard', isThere, LISTEN_MS);
    const heard = last();
    const at = expected.findIndex((byte, index) => byte !== heard[index]);
    if (at !== -1) throw new Error(`byte ${at} of ${expected.length} is another; ${heard.length} were heard`);
    if (heard.length !== expected.length) throw new Error(`${heard.length} bytes heard, ${expected.length} played`);
  }
  /** Plays on until so much more was heard that nothing is on its way any longer. */
  async flush(): Promise<void> {
    const target = this.heard().length + 4 * CHUNK;
    await this.waitUntil('it has all been heard', () => {
      if (this.audio.messages.at(-1)?.kind === 'underrun') this.play(sound(CHUNK, 0));
      return this.heard().length >= target;
    });
  }

  /** @param every between two looks, in milliseconds */
  async waitUntil(what: string, holds: () => boolean, every = 1): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!holds()) {
      if (performance.now() > deadline) {
        const kinds = [...new Set(this.audio.messages.map((message) => message.kind))].join(', ');
        throw new Error(`waited ${PATIENCE_MS} ms until ${what}; messages seen: ${kinds}`);
      }
      await this.pass(every);
    }
  }
  /** Lets some milliseconds pass, for what should not happen. */
  async pass(milliseconds: number): Promise<void> {
    if (this.audio.idle === undefined) await new Promise((resolve) => setTimeout(resolve, milliseconds));
    else for (let count = 0; count < milliseconds; count += 1) this.audio.idle();
  }
}

export const total = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

/** Whole frames that differ from each other and from seed to seed; none of them is silent. */
export function sound(bytes: number, seed: number): Uint8Array {
  const samples = new Int16Array(bytes / 2);
  let state = Math.imul(seed + 1, 0x9e37_79b1) >>> 0;
  for (let index = 0; index < samples.length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    samples[index] = (state >>> 16) | 1;
  }
  return new Uint8Array(samples.buffer);
}

/** The frames that are not silent. */
export function withoutSilence(samples: Uint8Array): Uint8Array {
  const length = samples.length - (samples.length % FRAME_BYTES);
  return new Uint8Array(new Uint32Array(samples.slice(0, length).buffer).filter((frame) => frame !== 0).buffer);
}
