/**
 * The memory of the stream's imaginary driver: four descriptor rings and the buffers that they point to.
 *
 * Two layouts, one below 2 GiB and one above 4 GiB with the top bit of its low half set, each with a transmit and a receive ring of 256 descriptors. All descriptors
 * are good but one in each ring of layout 1, which points outside of granted memory. Nothing here changes after it is made.
 */
import {
  GRANT_COMMANDS,
  GRANT_READS,
  GRANT_WRITES,
  type DescriptorMemory,
  type Monitor,
} from '../../dsslang/runtime.ts';

export const RING_SLOTS = 256;
const RING_BYTES = RING_SLOTS * 16;
/** In layout 1: where its driver trips. */
export const POISONED_SLOT = 200;

const HIGH = 2 ** 32;
/** Addresses of the rings, by layout. */
export const RINGS = { tx: [0x0010_0000, HIGH + 0x8010_0000], rx: [0x0020_0000, HIGH + 0x8020_0000] } as const;
/** Addresses of the buffers, by layout. */
const BUFFERS = { tx: [0x0100_0000, HIGH + 0x8100_0000], rx: [0x0200_0000, HIGH + 0x8200_0000] } as const;
const BUFFERS_BYTES = 2 ** 20;
const BUFFER_BYTES = 2048;

/** Makes the grants that the kernel would have made for this driver. @throws RangeError when the monitor denies one */
export function grantMemory(monitor: Pick<Monitor, 'grant'>): void {
  const grants = [
    ...[...RINGS.tx, ...RINGS.rx].map((address) => [address, RING_BYTES, GRANT_COMMANDS] as const),
    ...BUFFERS.tx.map((address) => [address, BUFFERS_BYTES, GRANT_READS] as const),
    ...BUFFERS.rx.map((address) => [address, BUFFERS_BYTES, GRANT_WRITES] as const),
  ];
  for (const [address, length, purposes] of grants) {
    if (monitor.grant(address, length, purposes) !== 0) throw new RangeError(`the grant at ${address} was denied`);
  }
}

/** The rings, filled. Copying allocates nothing, and goes word by word, as a real memory's would. */
export class RingMemory implements DescriptorMemory {
  readonly #low = new Uint8Array(2 * RING_BYTES);
  readonly #high = new Uint8Array(2 * RING_BYTES);
  readonly #lowWords = new Uint32Array(this.#low.buffer);
  readonly #highWords = new Uint32Array(this.#high.buffer);
  /** The monitor's copy, and the same bytes as words: a monitor has one. */
  #target: Uint8Array = new Uint8Array(0);
  #targetWords: Uint32Array = new Uint32Array(0);

  constructor() {
    [this.#low, this.#high].forEach((bytes, layout) => {
      const view = new DataView(bytes.buffer);
      for (let slot = 0; slot < RING_SLOTS; slot += 1) {
        const poisoned = layout === 1 && slot === POISONED_SLOT;
        fillTransmit(view, slot * 16, slot, poisoned ? 0x6666_0000 : bufferOf(BUFFERS.tx[layout] ?? 0, slot), poisoned);
        const receive = poisoned ? 0x6666_0000 : bufferOf(BUFFERS.rx[layout] ?? 0, slot);
        putAddress(view, RING_BYTES + slot * 16, receive);
      }
    });
  }

  fetch(address: number, length: number, target: Uint8Array, at: number): boolean {
    const layout = address < HIGH ? 0 : 1;
    const words = layout === 0 ? this.#lowWords : this.#highWords;
    const rx = RINGS.rx[layout];
    const from = address >= rx ? address - rx + RING_BYTES : address - RINGS.tx[layout];
    if (from < 0 || from + length > 2 * RING_BYTES) return false;
    if (((from | length | at) & 3) !== 0) return false; // descriptors are made of words
    if (target !== this.#target) {
      if ((target.byteOffset & 3) !== 0) return false;
      this.#target = target;
      this.#targetWords = new Uint32Array(target.buffer, target.byteOffset, target.length >> 2);
    }
    const into = this.#targetWords;
    const first = at >> 2;
    const base = from >> 2;
    const count = length >> 2;
    for (let index = 0; index < count; index += 1) into[first + index] = words[base + index] ?? 0;
    return true;
  }
}

const bufferOf = (base: number, slot: number): number => base + slot * BUFFER_BYTES;

function putAddress(view: DataView, at: number, address: number): void {
  view.setUint32(at, address % HIGH, true);
  view.setUint32(at + 4, Math.floor(address / HIGH), true);
}

/** As Linux does: mostly data descriptors (DEXT, DTYP 1), now and then a context or a legacy one. */
function fillTransmit(view: DataView, at: number, slot: number, address: number, poisoned: boolean): void {
  const DEXT = 1 << 29;
  const DTYP_DATA = 1 << 20;
  const TSE = 1 << 26;
  if (slot % 8 === 3 && !poisoned) {
    view.setUint32(at + 8, DEXT | TSE, true);
    view.setUint32(at + 12, (1448 << 16) | (66 << 8), true);
    return;
  }
  putAddress(view, at, address);
  view.setUint32(at + 8, slot % 8 === 7 && !poisoned ? 1514 : DEXT | DTYP_DATA | (60 + slot * 4), true);
}
