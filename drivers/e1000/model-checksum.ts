/**
 * The checksum that the 82540EM inserts into a packet (data sheet 3.5): RFC 1071 over a range the descriptor chose.
 */

/**
 * Sums `packet[from .. end]` and stores the complement, big-endian, at `at`. `end` 0, or one beyond the packet, means to
 * the end of the packet. Offsets are whatever the driver said; those outside the packet change nothing or sum nothing.
 */
export function insertChecksum(packet: Uint8Array, size: number, at: number, from: number, end: number): void {
  const limit = end !== 0 && end < size ? end + 1 : size;
  // Unsigned in the device: an empty packet counts as endless here.
  if (limit !== 0 && at >= limit - 1) return;
  let sum = 0;
  for (let index = from; index < limit; index += 2) {
    sum += (packet[index] ?? 0) << 8;
    if (index + 1 < limit) sum += packet[index + 1] ?? 0;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  const complement = ~sum & 0xffff;
  // Zero means "no checksum" in UDP, so the device sends its other form.
  storeWord(packet, at, complement === 0 ? 0xffff : complement);
}

/** Big-endian 16 bits, as network headers have them. */
export function storeWord(packet: Uint8Array, at: number, value: number): void {
  packet[at] = (value >>> 8) & 0xff;
  packet[at + 1] = value & 0xff;
}

export function loadWord(packet: Uint8Array, at: number): number {
  return ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0);
}
