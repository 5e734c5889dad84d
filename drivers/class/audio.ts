/**
 * The audio class: what every sound driver is told and what it tells, whatever its controller.
 *
 * Sound is signed 16-bit little-endian samples, two channels interleaved, left first: 4 bytes a frame. There are two streams,
 * `playback` and `capture`, each stopped, running or paused, at the rate that `up` tells: 48 kHz where the device has it. Playback takes chunks ahead of
 * time, up to `QUEUE_MIN_BYTES` at least, plays them in order without a gap, and reports what it played. When they run out it
 * says so once, and goes on as soon as there is more: what is heard in between is silence, or the last sample.
 * A message whose fields have the wrong type is ignored. `audio-conformance.ts` checks a driver against this page.
 */
import type { DriverMessage } from '../../kernel/abi.ts';

export const FRAME_BYTES = 4;
export const RATE_DEFAULT = 48_000;
/** The largest chunk: a third of a second. */
export const CHUNK_MAX_BYTES = 64 * 1024;
/** What a driver takes ahead of time at least, in chunks of 4 KiB or more, before it may say `full`. */
export const QUEUE_MIN_BYTES = 64 * 1024;
/** Full scale: samples as they are. */
export const VOLUME_MAX = 100;

export type Stream = 'playback' | 'capture';

/** To the driver: let a stream run, from the beginning or from where it paused. Answered by `started`. */
export interface StartMessage extends DriverMessage {
  readonly kind: 'start';
  readonly stream: Stream;
}

/** To the driver: hold a stream where it is. Nothing is lost but the time. Answered by `paused`. */
export interface PauseMessage extends DriverMessage {
  readonly kind: 'pause';
  readonly stream: Stream;
}

/** To the driver: end a stream. What is queued is dropped, what was recorded comes first. Answered by `stopped`. */
export interface StopMessage extends DriverMessage {
  readonly kind: 'stop';
  readonly stream: Stream;
}

/** To the driver: play this after all before it. Whole frames, at least one. Answered by `played`, in parts, or by `full`. */
export interface PlayMessage extends DriverMessage {
  readonly kind: 'play';
  readonly samples: Uint8Array;
}

/** To the driver: frames a second of a stream that is stopped. Answered by `rate` with what the device does instead, or as well. */
export interface RateMessage extends DriverMessage {
  readonly kind: 'rate';
  readonly stream: Stream;
  readonly hertz: number;
}

/** To the driver: how loud playback is, from 0 (silent) to `VOLUME_MAX`. Answered by `volume`. */
export interface VolumeMessage extends DriverMessage {
  readonly kind: 'volume';
  readonly left: number;
  readonly right: number;
}

/** To the driver: bring the device back from scratch: both streams stopped, queues empty, full volume. Answered by `up`. */
export interface ResetMessage extends DriverMessage {
  readonly kind: 'reset';
}

/** From the driver: the device takes sound, at this rate until told otherwise. */
export interface UpMessage extends DriverMessage {
  readonly kind: 'up';
  readonly hertz: number;
}

/** From the driver: the stream is now like this. */
export interface StateMessage extends DriverMessage {
  readonly kind: 'started' | 'paused' | 'stopped';
  readonly stream: Stream;
}

/** From the driver: the device has taken `frames` more frames, of what was queued first. */
export interface PlayedMessage extends DriverMessage {
  readonly kind: 'played';
  readonly frames: number;
}

/** From the driver: the last chunk does not fit and is not played. Try again after `played`. */
export interface FullMessage extends DriverMessage {
  readonly kind: 'full';
}

/** From the driver: all that was queued has been played, and nothing came in time. */
export interface UnderrunMessage extends DriverMessage {
  readonly kind: 'underrun';
}

/** From the driver: what was recorded, in order. A private copy. */
export interface CapturedMessage extends DriverMessage {
  readonly kind: 'captured';
  readonly samples: Uint8Array;
}

/** From the driver: the device had nowhere to record to; some of it is lost. */
export interface OverrunMessage extends DriverMessage {
  readonly kind: 'overrun';
}

export type ToAudioDriver =
  StartMessage | PauseMessage | StopMessage | PlayMessage | RateMessage | VolumeMessage | ResetMessage;
export type FromAudioDriver =
  | UpMessage
  | StateMessage
  | PlayedMessage
  | FullMessage
  | UnderrunMessage
  | CapturedMessage
  | OverrunMessage
  | RateMessage
  | VolumeMessage;

/** The request in a message from outside, or undefined if it is none. */
export function audioRequest(message: DriverMessage): ToAudioDriver | undefined {
  const { kind, stream, samples, hertz, left, right } = message;
  switch (kind) {
    case 'start':
    case 'pause':
    case 'stop':
      return isStream(stream) ? { kind, stream } : undefined;
    case 'play':
      return isChunk(samples) ? { kind, samples } : undefined;
    case 'rate':
      return isStream(stream) && isWhole(hertz, 1_000_000) && hertz > 0 ? { kind, stream, hertz } : undefined;
    case 'volume':
      return isWhole(left, VOLUME_MAX) && isWhole(right, VOLUME_MAX) ? { kind, left, right } : undefined;
    case 'reset':
      return { kind };
    default:
      return undefined;
  }
}

function isStream(value: unknown): value is Stream {
  return value === 'playback' || value === 'capture';
}

function isWhole(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max;
}

function isChunk(value: unknown): value is Uint8Array {
  return (
    value instanceof Uint8Array &&
    value.length > 0 &&
    value.length <= CHUNK_MAX_BYTES &&
    value.length % FRAME_BYTES === 0
  );
}
