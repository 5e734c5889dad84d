/**
 * A driver for Intel's AC'97 audio controller, of the audio class (`drivers/class/audio.ts`): playback and capture.
 *
 * It knows nothing of being watched. It is event-driven: every entry returns at once, work that is under way is described by
 * the lists in DMA memory. It believes the device only as far as its own buffers go: a position outside of a list, or an
 * interrupt that nobody asked for, costs sound and nothing else. It does not use the microphone's own engine.
 */
import { RATE_DEFAULT, VOLUME_MAX, type Stream } from '../class/audio.ts';
import { createAudioStreams } from '../class/audio-streams.ts';
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
  const rates: Record<Stream, number> = { playback: RATE_DEFAULT, capture: RATE_DEFAULT };
  let phase: 'waking' | 'up' = 'waking';
  const streams = createAudioStreams(io, {
    playback,
    capture,
    isUp: () => phase === 'up',
    reset: beginReset,
    rate(stream, hertz) {
      if (streams.states[stream] === 'stopped') {
        const register = stream === 'playback' ? r.FRONT_DAC_RATE : r.ADC_RATE;
        rates[stream] = setup.programRate(io, register, hertz);
      }
      return rates[stream];
    },
    volume(wantedLeft, wantedRight) {
      const [left, right] = [Math.min(VOLUME_MAX, wantedLeft), Math.min(VOLUME_MAX, wantedRight)];
      setup.programVolume(io, left, right);
      return { left, right };
    },
  });

  function beginReset(): void {
    phase = 'waking';
    streams.halt();
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
    message: (message: DriverMessage) => streams.message(message),
  };
}
