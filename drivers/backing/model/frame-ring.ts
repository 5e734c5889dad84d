/**
 * A bounded queue of frames in a shared buffer: one producer at a time, one consumer at a time, on any threads.
 *
 * A frame is a 32-bit length and its bytes, wrapping around the end of the ring. The producer copies the frame first and
 * publishes it last, so a thread that is killed while it pushes leaves nothing half-visible. A full ring refuses: it
 * never overwrites. Producers (and consumers) that may run at the same time must hold the model's lock.
 */

const HEADER_BYTES = 8;
const LENGTH_BYTES = 4;

export interface FrameRing {
  /** Whether a frame of `length` bytes fits now. */
  fits(length: number): boolean;
  /** False, and nothing changed, if it does not fit. */
  push(frame: Uint8Array): boolean;
  /** A private copy of the oldest frame, which leaves the ring; undefined if empty. */
  pop(): Uint8Array | undefined;
  readonly empty: boolean;
  clear(): void;
}

/** Bytes of shared buffer that a ring with room for `capacityBytes` of frames and their lengths needs. */
export function frameRingSizeBytes(capacityBytes: number): number {
  return HEADER_BYTES + capacityBytes;
}

/** @param region zeroed when new; 4-byte aligned in its buffer */
export function frameRing(region: Uint8Array): FrameRing {
  // Counters modulo 2^32 of bytes ever written and ever read. The capacity is a power of two so that they may wrap.
  const counters = new Uint32Array(region.buffer, region.byteOffset, 2);
  const data = region.subarray(HEADER_BYTES);
  const capacity = data.length;
  if ((capacity & (capacity - 1)) !== 0) throw new RangeError('a frame ring holds a power of two of bytes');

  const written = (): number => Atomics.load(counters, 0);
  const taken = (): number => Atomics.load(counters, 1);
  const used = (): number => (written() - taken()) >>> 0;

  function copyIn(position: number, from: Uint8Array): void {
    const start = position % capacity;
    const first = Math.min(from.length, capacity - start);
    data.set(from.subarray(0, first), start);
    data.set(from.subarray(first), 0);
  }
  function copyOut(position: number, into: Uint8Array): void {
    const start = position % capacity;
    const first = Math.min(into.length, capacity - start);
    into.set(data.subarray(start, start + first));
    into.set(data.subarray(0, into.length - first), first);
  }

  const lengthBytes = new Uint8Array(LENGTH_BYTES);
  const lengthView = new DataView(lengthBytes.buffer);
  const fits = (length: number): boolean => used() + LENGTH_BYTES + length <= capacity;
  return {
    fits,
    push(frame) {
      if (!fits(frame.length)) return false;
      const position = written();
      lengthView.setUint32(0, frame.length);
      copyIn(position, lengthBytes);
      copyIn(position + LENGTH_BYTES, frame);
      Atomics.store(counters, 0, position + LENGTH_BYTES + frame.length);
      return true;
    },
    pop() {
      if (used() === 0) return undefined;
      const position = taken();
      copyOut(position, lengthBytes);
      const frame = new Uint8Array(lengthView.getUint32(0));
      copyOut(position + LENGTH_BYTES, frame);
      Atomics.store(counters, 1, position + LENGTH_BYTES + frame.length);
      return frame;
    },
    get empty() {
      return used() === 0;
    },
    clear() {
      Atomics.store(counters, 1, written());
    },
  };
}
