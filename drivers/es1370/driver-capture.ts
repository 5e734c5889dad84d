/**
 * Capture on the ADC, which goes around one buffer: after each period the driver takes what is new. A driver that comes later
 * than a whole turn, a third of a second, cannot know it; the sound of that turn is lost.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import * as setup from './driver-setup.ts';
import * as r from './registers.ts';

const RING_BYTES = 64 * 1024;

export interface Capture {
  start(): void;
  /** Switches the channel off and delivers all that it recorded. */
  halt(): void;
  interrupt(): void;
}

export function createCapture(io: DeviceIo): Capture {
  const ring = io.allocate(RING_BYTES, 'device-writes');
  let isOn = false;
  let place = 0;

  function deliver(): void {
    const now = setup.positionOf(io, setup.ADC, RING_BYTES);
    if (now < place) {
      io.send({ kind: 'captured', samples: ring.copyOut(place, RING_BYTES - place) });
      place = 0;
    }
    if (now > place) io.send({ kind: 'captured', samples: ring.copyOut(place, now - place) });
    place = now;
  }

  return {
    start() {
      if (isOn) return;
      isOn = true;
      place = 0;
      setup.programBuffer(io, setup.ADC, ring.address, RING_BYTES);
      setup.setBits(io, r.SERIAL, r.SERIAL_R1_INT_EN);
      setup.setBits(io, r.CONTROL, r.CONTROL_ADC_EN);
    },
    halt() {
      if (!isOn) return;
      isOn = false;
      setup.clearBits(io, r.CONTROL, r.CONTROL_ADC_EN);
      setup.clearBits(io, r.SERIAL, r.SERIAL_R1_INT_EN);
      deliver();
    },
    interrupt() {
      setup.acknowledge(io, r.SERIAL_R1_INT_EN);
      if (isOn) deliver();
    },
  };
}
