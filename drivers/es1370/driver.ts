/**
 * A driver for Ensoniq's AudioPCI ES1370, of the audio class (`drivers/class/audio.ts`): playback on DAC2, capture on the ADC.
 *
 * It knows nothing of being watched, and believes the device only as far as its own buffers go. Both streams share one clock,
 * which cannot do 48 kHz exactly: it comes up at 44.1 kHz, and a rate changes both, while both are stopped. Volume is applied
 * to the samples themselves.
 */
import { audioRequest, type Stream, type ToAudioDriver } from '../class/audio.ts';
import type { DeviceIo, DriverEntries, DriverMessage } from '../../kernel/abi.ts';
import { createCapture } from './driver-capture.ts';
import { createPlayback } from './driver-playback.ts';
import * as setup from './driver-setup.ts';
import * as r from './registers.ts';

/** The codec comes out of its reset. */
const CODEC_WAIT_US = 10_000;

export default function es1370Driver(io: DeviceIo): DriverEntries {
  const playback = createPlayback(io);
  const capture = createCapture(io);
  const states: Record<Stream, 'stopped' | 'running' | 'paused'> = { playback: 'stopped', capture: 'stopped' };
  let divider = setup.dividerOf(setup.RATE_EXACT);
  let isUp = false;

  function beginReset(): void {
    isUp = false;
    playback.stop();
    capture.halt();
    playback.volume(100, 100);
    states.playback = 'stopped';
    states.capture = 'stopped';
    divider = setup.dividerOf(setup.RATE_EXACT);
    setup.quiesce(io, divider);
    setup.programCodec(io);
    io.setTimer(CODEC_WAIT_US);
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
      case 'rate':
        if (states.playback === 'stopped' && states.capture === 'stopped') {
          divider = setup.dividerOf(request.hertz);
          setup.quiesce(io, divider);
        }
        io.send({ kind: 'rate', stream: request.stream, hertz: setup.rateOf(divider) });
        return;
      case 'volume':
        playback.volume(request.left, request.right);
        io.send({ kind: 'volume', left: request.left, right: request.right });
        return;
      case 'reset':
        return beginReset();
    }
  }

  return {
    init() {
      setup.enableBusMaster(io);
      beginReset();
    },
    timer() {
      if (isUp) return;
      isUp = true;
      io.send({ kind: 'up', hertz: setup.rateOf(divider) });
    },
    interrupt() {
      const causes = io.read32(r.BAR, r.STATUS);
      if ((causes & r.STATUS_DAC2) !== 0) playback.interrupt();
      if ((causes & r.STATUS_ADC) !== 0) capture.interrupt();
      if ((causes & r.STATUS_DAC1) !== 0) setup.acknowledge(io, r.SERIAL_P1_INT_EN);
    },
    message(message: DriverMessage) {
      const request = audioRequest(message);
      if (request === undefined) io.log('no such request; ignored');
      else if (isUp || request.kind === 'reset') carryOut(request);
      else if (request.kind === 'play') io.send({ kind: 'full' });
    },
  };
}
