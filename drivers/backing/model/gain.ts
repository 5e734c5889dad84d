/** The volume of a sound model: signed 16-bit little-endian samples times a factor for each side. */

/** A factor in decibels; 0 dB is exactly 1. */
export function decibels(value: number): number {
  return value === 0 ? 1 : 10 ** (value / 20);
}

/** Multiplies in place, and saturates. Bit for bit the same where both factors are 1. The first sample is the left one. */
export function amplify(samples: Uint8Array, left: number, right: number): void {
  if (left === 1 && right === 1) return;
  const view = new DataView(samples.buffer, samples.byteOffset, samples.length);
  for (let at = 0; at + 2 <= samples.length; at += 2) {
    const factor = at % 4 === 0 ? left : right;
    const value = Math.trunc(view.getInt16(at, true) * factor);
    view.setInt16(at, Math.max(-0x8000, Math.min(0x7fff, value)), true);
  }
}
