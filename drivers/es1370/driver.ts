/**
 * A driver for Ensoniq's AudioPCI ES1370, of the audio class (`drivers/class/audio.ts`): playback on DAC2, capture on the ADC.
 *
 * It knows nothing of being watched, and believes the device only as far as its own buffers go. Both streams share one clock,
 * which cannot do 48 kHz exactly: it comes up at 44.1 kHz, and a rate changes both, while both are stopped. Volume is applied
 * to the samples themselves.
 */
import { createAudioStreams } from '../class/audio-streams.ts';
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
  let divider = setup.dividerOf(setup.RATE_EXACT);
  let isUp = false;
  const streams = createAudioStreams(io, {
    playback,
    capture,
    isUp: () => isUp,
    reset: beginReset,
    rate(_stream, hertz) {
      if (streams.states.playback === 'stopped' && streams.states.capture === 'stopped') {
        divider = setup.dividerOf(hertz);
        setup.quiesce(io, divider);
      }
      return setup.rateOf(divider);
    },
    volume(left, right) {
      playback.volume(left, right);
      return { left, right };
    },
  });

  function beginReset(): void {
    isUp = false;
    streams.halt();
    playback.volume(100, 100);
    divider = setup.dividerOf(setup.RATE_EXACT);
    setup.quiesce(io, divider);
    setup.programCodec(io);
    io.setTimer(CODEC_WAIT_US);
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
    message: (message: DriverMessage) => streams.message(message),
  };
}
