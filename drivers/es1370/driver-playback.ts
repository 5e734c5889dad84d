/**
 * Playback on DAC2, which goes around one buffer and knows no end: what is queued lies in it from the beginning on, and the rest
 * is silence. When all that was queued is played, silence follows for a while; what comes next begins anew.
 *
 * Sound is added while the channel runs only if it is still far from the end of what is there; otherwise it is held back
 * until then, for nobody knows how far ahead the device has read. Played sound becomes silence again.
 */
import { FRAME_BYTES, VOLUME_MAX } from '../class/audio.ts';
import type { DeviceIo } from '../../kernel/abi.ts';
import * as setup from './driver-setup.ts';
import * as r from './registers.ts';

const RING_BYTES = 128 * 1024;
/** Queued at most: the rest of the ring keeps what is added away from what is being played. */
const QUEUE_BYTES = 112 * 1024;
/** Of what is queued, this much must be left for more to be added in time. */
const LEAD_BYTES = 8192;
/** Periods of silence before the channel is switched off: sound is still on its way through what lies behind the device. */
const IDLE_PERIODS_MAX = 16;

export interface Playback {
  /** False: it does not fit. */
  play(samples: Uint8Array): boolean;
  start(): void;
  pause(): void;
  /** Ends and drops what is queued. */
  stop(): void;
  volume(left: number, right: number): void;
  interrupt(): void;
}

export function createPlayback(io: DeviceIo): Playback {
  const ring = io.allocate(RING_BYTES, 'device-reads');
  const silence = new Uint8Array(RING_BYTES);
  let state: 'stopped' | 'running' | 'paused' = 'stopped';
  let isOn = false;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  /** Since the channel was switched on, in bytes: queued, and gone through by the device. */
  let written = 0;
  let passed = 0;
  let place = 0;
  /** Periods since all that was queued has been played; 0 before. */
  let idle = 0;
  let gains: readonly [left: number, right: number] = [1, 1];

  function store(at: number, samples: Uint8Array): void {
    const start = at % RING_BYTES;
    const first = Math.min(samples.length, RING_BYTES - start);
    ring.copyIn(start, samples.subarray(0, first));
    if (first < samples.length) ring.copyIn(0, samples.subarray(first));
  }
  function hold(samples: Uint8Array): void {
    held.push(samples);
    heldBytes += samples.length;
  }
  function append(samples: Uint8Array): void {
    store(written, samples);
    written += samples.length;
  }

  /** Switches the channel on, from the beginning, with what is held back. */
  function engage(): void {
    if (heldBytes === 0) return;
    if (isOn) switchOff();
    idle = 0;
    ring.copyIn(0, silence);
    written = 0;
    passed = 0;
    place = 0;
    for (const samples of held) append(samples);
    held = [];
    heldBytes = 0;
    setup.programBuffer(io, setup.DAC2, ring.address, RING_BYTES);
    setup.setBits(io, r.SERIAL, r.SERIAL_P2_INT_EN);
    setup.setBits(io, r.CONTROL, r.CONTROL_DAC2_EN);
    isOn = true;
  }
  /** Follows the device, and turns what it has played into silence. */
  function follow(): void {
    const now = setup.positionOf(io, setup.DAC2, RING_BYTES);
    const more = (now - place + RING_BYTES) % RING_BYTES;
    const played = Math.min(more, Math.max(0, written - passed));
    store(passed, silence.subarray(0, more));
    passed += more;
    place = now;
    if (played > 0) io.send({ kind: 'played', frames: played / FRAME_BYTES });
  }
  function switchOff(): void {
    setup.clearBits(io, r.CONTROL, r.CONTROL_DAC2_EN);
    setup.clearBits(io, r.SERIAL, r.SERIAL_P2_INT_EN | r.SERIAL_P2_PAUSE);
    isOn = false;
  }

  return {
    play(samples) {
      if (isOn) follow();
      const queued = (isOn ? Math.max(0, written - passed) : 0) + heldBytes;
      if (queued + samples.length > QUEUE_BYTES) return false;
      const loud = scaled(samples, gains);
      if (isOn && heldBytes === 0 && written - passed >= LEAD_BYTES) append(loud);
      else {
        hold(loud);
        if (state === 'running' && (!isOn || idle > 0)) engage();
      }
      return true;
    },
    start() {
      if (state === 'running') return;
      state = 'running';
      if (isOn && (idle === 0 || heldBytes === 0)) setup.clearBits(io, r.SERIAL, r.SERIAL_P2_PAUSE);
      else engage();
    },
    pause() {
      if (state !== 'running') return;
      state = 'paused';
      if (!isOn) return;
      setup.setBits(io, r.SERIAL, r.SERIAL_P2_PAUSE);
      follow();
    },
    stop() {
      state = 'stopped';
      if (isOn) switchOff();
      held = [];
      heldBytes = 0;
    },
    volume(left, right) {
      gains = [left / VOLUME_MAX, right / VOLUME_MAX];
    },
    interrupt() {
      setup.acknowledge(io, r.SERIAL_P2_INT_EN);
      if (!isOn) return;
      follow();
      if (passed < written) return;
      if (idle === 0) io.send({ kind: 'underrun' });
      idle += 1;
      if (heldBytes > 0 && state === 'running') engage();
      else if (idle > IDLE_PERIODS_MAX) switchOff();
    },
  };
}

/** A private copy, louder or softer. At full volume bit for bit the same. */
function scaled(samples: Uint8Array, [left, right]: readonly [number, number]): Uint8Array {
  const copy = samples.slice();
  if (left === 1 && right === 1) return copy;
  const view = new DataView(copy.buffer);
  for (let at = 0; at < copy.length; at += 2)
    view.setInt16(at, Math.trunc(view.getInt16(at, true) * (at % 4 === 0 ? left : right)), true);
  return copy;
}
