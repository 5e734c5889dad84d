/** The multicast filter of the RTL8139C+ (6.2): 64 bits, chosen by the top six of the address's Ethernet CRC. */

const POLYNOMIAL = 0x04c1_1db7;

/** The CRC of IEEE 802.3 before its last complement, most significant bit first. */
function ethernetCrc(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit += 1) {
      const carry = (crc >>> 31) ^ ((byte >>> bit) & 1);
      crc = (crc << 1) ^ (carry === 1 ? POLYNOMIAL : 0);
    }
  }
  return crc >>> 0;
}

/** Which of the 64 bits an address falls on. */
export function multicastBit(address: Uint8Array): number {
  return ethernetCrc(address) >>> 26;
}

/** The filter that lets all these addresses through. */
export function multicastTable(addresses: readonly Uint8Array[]): readonly [low: number, high: number] {
  const words: [number, number] = [0, 0];
  for (const address of addresses) {
    const bit = multicastBit(address);
    if (bit < 32) words[0] = (words[0] | (1 << bit)) >>> 0;
    else words[1] = (words[1] | (1 << (bit - 32))) >>> 0;
  }
  return words;
}
