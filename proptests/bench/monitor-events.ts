/**
 * A stream of operations on an e1000, as its driver makes them: the same from the same seed, on every machine.
 *
 * The mix follows a recorded trace of the unmodified Linux driver, with its start-up (EEPROM, multicast tables) shortened:
 * sessions of reset, EEPROM polling, table and ring set-up, then traffic - descriptor stores, doorbells, interrupts with
 * cause, mask and unmask, progress, statistics. About one operation in fifty is a misdeed that a monitor must deny.
 * The stream knows what a driver does, not what a monitor says: no verdict is in it. Descriptors lie ready in memory
 * (`ring-memory.ts`), so a store is judged but writes nothing.
 */
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import { POISONED_SLOT, RING_SLOTS, RINGS } from './ring-memory.ts';

export const EVENTS_DEFAULT = 65_536;

/** Values of `EventStream.kind`. */
export const READ = 0;
export const REPORT = 1;
export const WRITE = 2;
export const STORE = 3;
export const INTERRUPT = 4;
export const CHECK = 5;

/** One operation an index. A store keeps its address in `lo` and `hi`, and its length in bytes in `width`. */
export interface EventStream {
  readonly length: number;
  readonly kind: Uint8Array;
  readonly space: Uint8Array;
  readonly offset: Int32Array;
  readonly width: Uint8Array;
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  /** Microseconds, monotonic. */
  readonly now: Float64Array;
}

const CTRL = 0x0000;
const STATUS = 0x0008;
const EECD = 0x0010;
const EERD = 0x0014;
const MDIC = 0x0020;
const ICR = 0x00c0;
const ICS = 0x00c8;
const IMS = 0x00d0;
const IMC = 0x00d8;
const RCTL = 0x0100;
const RXCW = 0x0180;
const TCTL = 0x0400;
const TIPG = 0x0410;
const RDBAL = 0x2800;
const RDBAH = 0x2804;
const RDLEN = 0x2808;
const RDH = 0x2810;
const RDT = 0x2818;
const RDTR = 0x2820;
const TDBAL = 0x3800;
const TDBAH = 0x3804;
const TDLEN = 0x3808;
const TDH = 0x3810;
const TDT = 0x3818;
const TIDV = 0x3820;
const STATISTICS = 0x4000;
const MTA = 0x5200;
const RAL = 0x5400;
const IOADDR = 0;
const IODATA = 4;

const RST = 0x0400_0000;
const EN = 2;
const RCTL_BSIZE_1024 = 0x1_0000;
const COMMAND = 0x04;
const BAR0 = 0x10;

/** How many packets a driver moves between two resets: a session is then about 3000 operations. */
const SESSION_PACKETS = 200;

/** mulberry32: 32 bits of state, good enough to choose what a driver does next. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** @param seed any 32-bit integer @param length operations in the stream, exactly */
export function monitorEvents(seed = 1, length = EVENTS_DEFAULT): EventStream {
  const driver = new DriverModel(seed, length);
  while (!driver.full) driver.session();
  return driver.stream;
}

/** A driver that works as it should but for its misdeeds; it writes down what it does. */
class DriverModel {
  readonly stream: EventStream;
  readonly #random: (below: number) => number;
  #at = 0;
  /** An hour of uptime: too large for a small integer of the engine. */
  #now = 3_600_000_000;
  #layout = 0;
  #txHead = 0;
  #txTail = 0;
  #rxHead = 0;
  #rxTail = 0;

  constructor(seed: number, length: number) {
    this.#random = randomFrom(seed);
    this.stream = {
      length,
      kind: new Uint8Array(length),
      space: new Uint8Array(length),
      offset: new Int32Array(length),
      width: new Uint8Array(length),
      lo: new Uint32Array(length),
      hi: new Uint32Array(length),
      now: new Float64Array(length),
    };
  }

  get full(): boolean {
    return this.#at === this.stream.length;
  }

  session(): void {
    this.#reset();
    this.#probe();
    if (this.#random(2) === 0) this.#write(TCTL, EN); // misdeed: no ring yet
    this.#setUpRings();
    for (let packet = 0; packet < SESSION_PACKETS && !this.full; packet += 1) {
      if (!this.#transmit(1 + this.#random(4))) return;
      if (this.#random(2) === 0) this.#transmitDoorbellOnly();
      if (!this.#interrupt()) return;
      if (packet % 50 === 49) this.#watchdog();
      if (this.#random(5) < 2) this.#misdeed();
    }
    this.#write(RCTL, 0);
    this.#write(TCTL, 0);
  }

  // ---- What a driver does ----------------------------------------------------------------------------------------------

  #reset(): void {
    this.#write(IMC, 0xffff_ffff);
    this.#write(RCTL, 0);
    this.#write(TCTL, 0);
    this.#write(CTRL, RST | 0x40);
    this.#read(CTRL, 0x40);
    this.#write(IMC, 0xffff_ffff);
    this.#read(ICR, 0);
  }

  #probe(): void {
    this.#config(READ, 0x00, 4, 0x100e_8086);
    this.#config(READ, COMMAND, 2, 0);
    this.#config(WRITE, COMMAND, 2, 7);
    for (let word = 0; word < 16; word += 1) {
      this.#write(EERD, (word << 8) | 1);
      for (let poll = this.#random(3); poll >= 0; poll -= 1) this.#read(EERD, poll === 0 ? 0x10 : 0);
    }
    for (let bit = 0; bit < 32; bit += 1) {
      this.#write(EECD, bit & 7);
      this.#read(STATUS, 0x8000_0003);
    }
    for (let entry = 0; entry < 128; entry += 1) this.#write(MTA + 4 * entry, 0);
    for (let half = 0; half < 32; half += 1) this.#write(RAL + 4 * half, this.#random(0x1_0000));
    this.#write(IOADDR, STATUS, 1);
    this.#read(IODATA, 0x8000_0003, 1);
  }

  #setUpRings(): void {
    this.#layout = this.#random(RINGS.tx.length);
    const tx = RINGS.tx[this.#layout] ?? 0;
    const rx = RINGS.rx[this.#layout] ?? 0;
    this.#write(TDBAL, tx % 2 ** 32);
    this.#write(TDBAH, Math.floor(tx / 2 ** 32));
    this.#write(TDLEN, RING_SLOTS * 16);
    this.#write(TDH, 0);
    this.#write(TDT, 0);
    this.#write(TIPG, 0x0060_200a);
    this.#write(TIDV, 8);
    this.#write(TCTL, 0x0103_f0f8 | EN);
    this.#write(RDTR, 0);
    this.#write(RDBAL, rx % 2 ** 32);
    this.#write(RDBAH, Math.floor(rx / 2 ** 32));
    this.#write(RDLEN, RING_SLOTS * 16);
    this.#write(RDH, 0);
    this.#write(RDT, 0);
    this.#write(RCTL, 0x8000 | EN);
    this.#txHead = this.#txTail = this.#rxHead = this.#rxTail = 0;
    this.#refill(64);
    this.#write(IMS, 0x9d);
  }

  /** Stores descriptors behind the tail and rings the bell. @returns false when the driver tripped and must reset */
  #transmit(descriptors: number): boolean {
    if (inFlight(this.#txHead, this.#txTail) + descriptors > 128) this.#progress();
    const base = RINGS.tx[this.#layout] ?? 0;
    for (let slot = 0; slot < descriptors; slot += 1) this.#store(base + 16 * ((this.#txTail + slot) % RING_SLOTS), 16);
    return this.#ring(TDT, descriptors);
  }

  /** A packet whose descriptors were stored earlier: only the bell. */
  #transmitDoorbellOnly(): void {
    if (inFlight(this.#txHead, this.#txTail) < 100 && !this.#nearPoison(this.#txTail, 2)) this.#ring(TDT, 2);
  }

  /** The device has sent everything, and received what it had room for. */
  #progress(): void {
    this.#txHead = this.#txTail;
    this.#read(TDH, this.#txHead);
  }

  #refill(descriptors: number): boolean {
    const base = RINGS.rx[this.#layout] ?? 0;
    for (let slot = 0; slot < descriptors; slot += 1) this.#store(base + 16 * ((this.#rxTail + slot) % RING_SLOTS), 8);
    return this.#ring(RDT, descriptors);
  }

  #ring(doorbell: number, descriptors: number): boolean {
    const tail = doorbell === TDT ? this.#txTail : this.#rxTail;
    const next = (tail + descriptors) % RING_SLOTS;
    this.#write(doorbell, next);
    if (this.#nearPoison(tail, descriptors)) return false;
    if (doorbell === TDT) this.#txTail = next;
    else this.#rxTail = next;
    return true;
  }

  /** Layout 1 holds one descriptor that points outside of all granted memory. */
  #nearPoison(tail: number, descriptors: number): boolean {
    return this.#layout === 1 && (POISONED_SLOT - tail + RING_SLOTS) % RING_SLOTS < descriptors;
  }

  #interrupt(): boolean {
    this.#event(INTERRUPT, 0, 0, 0, 0, 0);
    if (this.#random(20) === 0) this.#event(CHECK, 0, 0, 0, 0, 0); // misdeed: the cause was not read
    this.#read(ICR, this.#random(8) === 0 ? 0 : 0x80 | (1 << this.#random(5)));
    this.#write(IMC, 0xffff_ffff);
    this.#read(STATUS, 0x8000_0003);
    const received = this.#random(6);
    this.#rxHead = (this.#rxHead + received) % RING_SLOTS;
    this.#read(RDH, this.#rxHead);
    const going = received === 0 || this.#refill(received);
    this.#write(IMS, 0x9d);
    this.#event(CHECK, 0, 0, 0, 0, 0);
    return going;
  }

  #watchdog(): void {
    this.#read(STATUS, 0x8000_0003);
    this.#write(MDIC, 0x0821_0000);
    for (let poll = 0; poll < 3; poll += 1) this.#read(MDIC, poll === 2 ? 0x1821_796d : 0);
    for (let counter = 0; counter < 48; counter += 1) this.#read(STATISTICS + 4 * counter, this.#random(1000));
    this.#write(ICS, 0x10);
  }

  // ---- What it should not do -------------------------------------------------------------------------------------------

  #misdeed(): void {
    const misdeeds: readonly (() => void)[] = [
      () => this.#write(RXCW, 0), // read-only
      () => this.#event(READ, 0, IMC, 4, 0, 0), // write-only
      () => this.#event(READ, 0, STATUS, 2, 0, 0), // half a register
      () => this.#event(READ, 0, STATISTICS + 2, 4, 0, 0), // misaligned
      () => this.#event(READ, 0, 0x34, 4, 0, 0), // not in the data sheet
      () => this.#event(READ, 3, 0, 4, 0, 0), // no such BAR
      () => this.#write(STATISTICS, 1),
      () => this.#write(RCTL, 0x8000_8000 | EN), // reserved bit 31
      () => this.#write(RCTL, 0x8000 | EN | RCTL_BSIZE_1024), // another buffer size while running
      () => this.#write(TDT, RING_SLOTS), // one past the ring
      () => this.#write(RDT, 0x7fff_ffff),
      () => this.#write(TDBAL, 0x1000), // moves the ring
      () => this.#write(RDLEN, 128),
      () => this.#write(0x04, RST), // reset through the duplicate
      () => this.#write(0x18, 0x2000), // EEPROM reset while running
      () => {
        this.#write(IOADDR, CTRL, 1);
        this.#write(IODATA, RST, 1); // reset through the window while running
      },
      () => this.#config(WRITE, BAR0, 4, 0xfebc_0000), // moves the device
      () => this.#store((RINGS.rx[this.#layout] ?? 0) + 16 * this.#rxHead, 8), // the device's own entry
      () => this.#event(REPORT, 0, TDH, 4, RING_SLOTS, 0), // the device lies
    ];
    misdeeds[this.#random(misdeeds.length)]?.();
  }

  // ---- Writing it down ---------------------------------------------------------------------------------------------------

  #read(offset: number, gives: number, space = 0): void {
    this.#event(READ, space, offset, 4, 0, 0);
    this.#event(REPORT, space, offset, 4, gives, 0);
  }

  #write(offset: number, value: number, space = 0): void {
    this.#event(WRITE, space, offset, 4, value, 0);
  }

  #config(kind: typeof READ | typeof WRITE, offset: number, width: number, value: number): void {
    this.#event(kind, CONFIG_SPACE, offset, width, kind === WRITE ? value : 0, 0);
    if (kind === READ) this.#event(REPORT, CONFIG_SPACE, offset, width, value, 0);
  }

  #store(address: number, length: number): void {
    this.#event(STORE, 0, 0, length, address % 2 ** 32, Math.floor(address / 2 ** 32));
  }

  #event(kind: number, space: number, offset: number, width: number, lo: number, hi: number): void {
    if (this.full) return;
    this.#now += 1 + this.#random(5);
    const at = this.#at;
    this.stream.kind[at] = kind;
    this.stream.space[at] = space;
    this.stream.offset[at] = offset;
    this.stream.width[at] = width;
    this.stream.lo[at] = lo;
    this.stream.hi[at] = hi;
    this.stream.now[at] = this.#now;
    this.#at = at + 1;
  }
}

function inFlight(head: number, tail: number): number {
  return (tail - head + RING_SLOTS) % RING_SLOTS;
}
