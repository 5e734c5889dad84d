/**
 * A driver for Intel's AC'97 audio controller, of the audio class (`drivers/class/audio.ts`): playback and capture.
 *
 * It knows nothing of being watched. It is event-driven: every entry returns at once, work that is under way is described by
 * the lists in DMA memory. It believes the device only as far as its own buffers go: a position outside of a list, or an
 * interrupt that nobody asked for, costs sound and nothing else. It does not use the microphone's own engine.
 */
import { audioRequest, RATE_DEFAULT, VOLUME_MAX, type Stream, type ToAudioDriver } from '../class/audio.ts';
import type { DeviceIo, DriverEntries, DriverMessage } from '../../kernel/abi.ts';
import { createCapture } from './driver-capture.ts';
import { createPlayback } from './driver-playback.ts';
import * as setup from './driver-setup.ts';
import * as r from './registers.ts';

/** The codec is ready some hundred milliseconds after the link woke (AC'97 2.3, 4.2). */
const CODEC_POLL_US = 10_000;

export default function ac97Driver(io: DeviceIo): DriverEntries {
  const playback = createPlayback(io);
  const capture = createCapture(io);
  const states: Record<Stream, 'stopped' | 'running' | 'paused'> = { playback: 'stopped', capture: 'stopped' };
  const rates: Record<Stream, number> = { playback: RATE_DEFAULT, capture: RATE_DEFAULT };
  let phase: 'waking' | 'up' = 'waking';

  function beginReset(): void {
    phase = 'waking';
    playback.stop();
    capture.halt();
    states.playback = 'stopped';
    states.capture = 'stopped';
    if (!setup.resetEngines(io)) io.log('an engine does not come out of its reset');
    setup.wakeLink(io);
    io.setTimer(CODEC_POLL_US);
  }

  function lookAtCodec(): void {
    if (phase === 'up') return;
    if (!setup.isCodecReady(io)) {
      io.setTimer(CODEC_POLL_US);
      return;
    }
    setup.programCodec(io);
    rates.playback = setup.programRate(io, r.FRONT_DAC_RATE, RATE_DEFAULT);
    rates.capture = setup.programRate(io, r.ADC_RATE, RATE_DEFAULT);
    phase = 'up';
    io.send({ kind: 'up', hertz: rates.playback });
  }

  function run(stream: Stream, state: 'stopped' | 'running' | 'paused'): void {
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
        if (states[stream] === 'stopped') {
          const register = stream === 'playback' ? r.FRONT_DAC_RATE : r.ADC_RATE;
          rates[stream] = setup.programRate(io, register, request.hertz);
        }
        io.send({ kind: 'rate', stream, hertz: rates[stream] });
        return;
      }
      case 'volume': {
        const [left, right] = [Math.min(VOLUME_MAX, request.left), Math.min(VOLUME_MAX, request.right)];
        setup.programVolume(io, left, right);
        io.send({ kind: 'volume', left, right });
        return;
      }
      case 'reset':
        return beginReset();
    }
  }

  return {
    init() {
      setup.enableBusMaster(io);
      beginReset();
    },
    timer: lookAtCodec,
    interrupt() {
      const causes = io.read32(r.BAR_BUS_MASTER, r.GLOB_STA);
      if ((causes & r.GLOB_STA_POINT) !== 0) playback.interrupt();
      if ((causes & r.GLOB_STA_PIINT) !== 0) capture.interrupt();
      if ((causes & r.GLOB_STA_MINT) !== 0) setup.acknowledge(io, r.MIC_IN);
    },
    message(message: DriverMessage) {
      const request = audioRequest(message);
      if (request === undefined) io.log('no such request; ignored');
      else if (phase === 'up' || request.kind === 'reset') carryOut(request);
      else if (request.kind === 'play') io.send({ kind: 'full' });
    },
  };
}
