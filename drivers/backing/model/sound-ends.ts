/**
 * What is plugged into a sound model: a loudspeaker that remembers, and a microphone that says what it is told.
 *
 * The model `transmit`s the samples that it plays and `receive`s those of its microphone: signed 16-bit little-endian, stereo.
 */
import type { FarEnds } from '../../../kernel/abi.ts';
import type { ModelPort } from './device-model.ts';

/** About three minutes at 48 kHz. What is played after that is not remembered. */
export const HEARD_MAX_BYTES = 32 << 20;
/** What the microphone keeps of what was said and not yet recorded; the rest is lost. */
export const SAID_MAX_BYTES = 1 << 20;

export function soundEnds(port: ModelPort): FarEnds {
  const pieces: Uint8Array[] = [];
  let total = 0;
  port.onMessage((samples) => {
    if (total + samples.length > HEARD_MAX_BYTES) return;
    pieces.push(samples);
    total += samples.length;
  });
  return {
    speaker: { heard: () => new Uint8Array(Buffer.concat(pieces)) },
    microphone: { say: (samples) => port.send(samples) },
  };
}

/** The microphone's side within the model: a bounded queue of bytes in its shared state. */
export interface SoundQueue {
  /** Takes what fits, and drops the rest. */
  push(samples: Uint8Array): void;
  /** Fills `into`, with silence where nothing was said. */
  take(into: Uint8Array): void;
}

/** @param counters two words: bytes ever put in and taken out, modulo 2^32. @param data `SAID_MAX_BYTES` of them */
export function soundQueue(counters: Uint32Array, data: Uint8Array): SoundQueue {
  const used = (): number => ((counters[0] ?? 0) - (counters[1] ?? 0)) >>> 0;
  return {
    push(samples) {
      const count = Math.min(samples.length, data.length - used());
      const start = (counters[0] ?? 0) % data.length;
      const first = Math.min(count, data.length - start);
      data.set(samples.subarray(0, first), start);
      data.set(samples.subarray(first, count), 0);
      counters[0] = (counters[0] ?? 0) + count;
    },
    take(into) {
      const count = Math.min(into.length, used());
      const start = (counters[1] ?? 0) % data.length;
      const first = Math.min(count, data.length - start);
      into.set(data.subarray(start, start + first));
      into.set(data.subarray(0, count - first), first);
      into.fill(0, count);
      counters[1] = (counters[1] ?? 0) + count;
    },
  };
}
