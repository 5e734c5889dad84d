/**
 * What every driver of the audio class does with its requests, whatever moves the samples: which stream is in which state,
 * what is answered, and what is ignored while the device comes up. The device's own part is handed in. No registers here.
 */
import type { DeviceIo, DriverMessage } from '../../kernel/abi.ts';
import { audioRequest, type Stream, type ToAudioDriver } from './audio.ts';

export type StreamState = 'stopped' | 'running' | 'paused';

/** The device's part. */
export interface AudioParts {
  readonly playback: {
    start(): void;
    pause(): void;
    stop(): void;
    /** False: the queue is full. */
    play(samples: Uint8Array): boolean;
  };
  readonly capture: { start(): void; halt(): void };
  isUp(): boolean;
  /** Brings the device back from scratch; its streams have been stopped. */
  reset(): void;
  /** Sets the rate of a stream, if it can be set now. @returns the rate that the stream has */
  rate(stream: Stream, hertz: number): number;
  /** @returns the volume that playback has */
  volume(left: number, right: number): { readonly left: number; readonly right: number };
}

export interface AudioStreams {
  readonly states: Readonly<Record<Stream, StreamState>>;
  /** Both streams stop, nobody is told. */
  halt(): void;
  message(message: DriverMessage): void;
}

export function createAudioStreams(io: DeviceIo, parts: AudioParts): AudioStreams {
  const { playback, capture } = parts;
  const states: Record<Stream, StreamState> = { playback: 'stopped', capture: 'stopped' };

  function halt(): void {
    playback.stop();
    capture.halt();
    states.playback = 'stopped';
    states.capture = 'stopped';
  }

  function run(stream: Stream, state: StreamState): void {
    states[stream] = state;
    if (stream === 'capture') {
      if (state === 'running') capture.start();
      else capture.halt();
    } else {
      if (state === 'running') playback.start();
      else if (state === 'paused') playback.pause();
      else playback.stop();
    }
    io.send({ kind: state === 'running' ? 'started' : state, stream });
  }

  function carryOut(request: ToAudioDriver): void {
    switch (request.kind) {
      case 'start':
        return run(request.stream, 'running');
      case 'pause':
        return run(request.stream, states[request.stream] === 'running' ? 'paused' : states[request.stream]);
      case 'stop':
        return run(request.stream, 'stopped');
      case 'play':
        if (!playback.play(request.samples)) io.send({ kind: 'full' });
        return;
      case 'rate': {
        const { stream } = request;
        return io.send({ kind: 'rate', stream, hertz: parts.rate(stream, request.hertz) });
      }
      case 'volume':
        return io.send({ kind: 'volume', ...parts.volume(request.left, request.right) });
      case 'reset':
        return parts.reset();
    }
  }

  return {
    states,
    halt,
    message(message) {
      const request = audioRequest(message);
      if (request === undefined) io.log('no such request; ignored');
      else if (parts.isUp() || request.kind === 'reset') carryOut(request);
      else if (request.kind === 'play') io.send({ kind: 'full' });
    },
  };
}
