/**
 * The rules of `drivers/e1000/e1000.dss`, written by hand: what a good engineer would write who had no compiler.
 *
 * One class, plain fields, addresses as doubles, a switch over the offset with the busiest registers first. It checks all
 * that the specification checks - spaces, offsets, widths, modes, reserved bits, areas, grants, rings, descriptors,
 * ownership, interrupts - and allocates nothing. It names its reasons only by number. It is the yardstick of the benchmark
 * and, being written apart from the compiler, one more witness in its test. Nothing in the kernel uses it.
 */
import {
  ADDRESS_LIMIT,
  GRANT_COMMANDS,
  GRANT_READS,
  GRANT_WRITES,
  GRANTS_MAX,
  type DescriptorMemory,
  type Monitor,
} from '../../dsslang/runtime.ts';

/** What takes part in the benchmark: a monitor without its tables for reports. */
export type JudgingMonitor = Pick<
  Monitor,
  'read' | 'report' | 'write' | 'store' | 'grant' | 'interrupt' | 'check' | 'reset'
>;

const ALLOW = 0;
const UNLISTED = 1;
const READ_ONLY = 2;
const WRITE_ONLY = 3;
const PLATFORM = 4;
const RESERVED = 5;
const ENGINE_RUNS = 6;
const BEYOND_RING = 7;
const NOT_PROGRAMMED = 8;
const BAD_DESCRIPTOR = 9;
const OUTSIDE_GRANT = 10;
const OWNED = 11;
const TOO_MANY_INTERRUPTS = 12;
const UNANSWERED = 13;
const BAD_GRANT = 14;
const BAD_RESET = 15;
const BAD_BUFFER_SIZE = 16;

const RING_MAX = 4096;
const ALL_KNOWN = 0b11111;
/** 20000 a second with a burst of 2000, in microseconds of credit. */
const INTERRUPT_COST_US = 50;
const INTERRUPT_CREDIT_US = 100_000;

const IDLE = 0;
const CARD_NOT_CHECKED = 1;
const NOT_MINE = 2;
const MINE_ACKED = 4;

/** A tail that comes around to the last known head says nothing of the device's: all but the entry at the tail stays its. */
function surelyOwnedFrom(head: number, tail: number, next: number, count: number): number {
  const before = tail >= head ? tail - head : tail + count - head;
  const more = next >= tail ? next - tail : next + count - tail;
  return before + more >= count ? (next + 1) % count : head;
}

export class HandWrittenMonitor implements JudgingMonitor {
  readonly #memory: DescriptorMemory;
  readonly #copy = new Uint8Array(RING_MAX * 16);
  readonly #view = new DataView(this.#copy.buffer);

  readonly #grantBase = new Float64Array(GRANTS_MAX);
  readonly #grantEnd = new Float64Array(GRANTS_MAX);
  readonly #grantPurposes = new Uint8Array(GRANTS_MAX);
  #grants = 0;
  #lastGrant = 0;

  #txRunning = false;
  #txBaseLow = 0;
  #txBaseHigh = 0;
  #txCount = 0;
  #txHead = 0;
  #txTail = 0;
  #txKnown = 0;
  #txMoved = false;
  #rxRunning = false;
  #rxBaseLow = 0;
  #rxBaseHigh = 0;
  #rxCount = 0;
  #rxHead = 0;
  #rxTail = 0;
  #rxKnown = 0;
  #rxMoved = false;
  #rxBufferSize = 2048;
  #ioAddress = 0;
  #interruptState = IDLE;
  #interruptCredit = INTERRUPT_CREDIT_US;
  #interruptLast = 0;

  constructor(memory: DescriptorMemory) {
    this.#memory = memory;
  }

  // ---- Reading ---------------------------------------------------------------------------------------------------------

  read(space: number, offset: number, width: number): number {
    if (space === 0) return this.#readable(offset, width);
    if (space === 1) {
      if (width !== 4) return UNLISTED;
      if (offset === 0) return ALLOW;
      return offset === 4 ? this.#readable(this.#ioAddress, 4) : UNLISTED;
    }
    if (space === 6) return offset + width <= 256 && offset % width === 0 ? ALLOW : UNLISTED;
    return UNLISTED;
  }

  report(space: number, offset: number, width: number, lo: number): number {
    const verdict = this.read(space, offset, width);
    if (verdict !== ALLOW || space > 1) return verdict;
    if (space === 1) {
      if (offset === 0) return ALLOW;
      offset = this.#ioAddress;
    }
    switch (offset) {
      case 0x00c0: // ICR: reading tells the cause and acknowledges it
        if (this.#interruptState === CARD_NOT_CHECKED) this.#interruptState = lo !== 0 ? MINE_ACKED : NOT_MINE;
        return ALLOW;
      case 0x3810: // TDH
        if (!this.#txRunning) return ALLOW;
        if (lo >= this.#txCount) return BEYOND_RING;
        this.#txHead = lo;
        return ALLOW;
      case 0x2810: // RDH
        if (!this.#rxRunning) return ALLOW;
        if (lo >= this.#rxCount) return BEYOND_RING;
        this.#rxHead = lo;
        return ALLOW;
      default:
        return ALLOW;
    }
  }

  /** BAR 0. */
  #readable(offset: number, width: number): number {
    if (width === 4) {
      switch (offset) {
        case 0x0008: // STATUS
        case 0x00c0: // ICR
        case 0x0010: // EECD
        case 0x3810: // TDH
        case 0x2810: // RDH
        case 0x0014: // EERD
        case 0x0020: // MDIC
        case 0x0000: // CTRL
        case 0x0004: // CTRL_DUP
        case 0x0018: // CTRL_EXT
        case 0x001c: // FLA
        case 0x0028: // FCAL
        case 0x002c: // FCAH
        case 0x0030: // FCT
        case 0x0038: // VET
        case 0x00c4: // ITR
        case 0x00d0: // IMS
        case 0x0100: // RCTL
        case 0x0170: // FCTTV
        case 0x0178: // TXCW
        case 0x0180: // RXCW
        case 0x0400: // TCTL
        case 0x0410: // TIPG
        case 0x0458: // AIFS
        case 0x0e00: // LEDCTL
        case 0x1000: // PBA
        case 0x2160: // FCRTL
        case 0x2168: // FCRTH
        case 0x2800: // RDBAL
        case 0x2804: // RDBAH
        case 0x2808: // RDLEN
        case 0x2818: // RDT
        case 0x2820: // RDTR
        case 0x2828: // RXDCTL
        case 0x282c: // RADV
        case 0x2c00: // RSRPD
        case 0x3000: // TXDMAC
        case 0x3800: // TDBAL
        case 0x3804: // TDBAH
        case 0x3808: // TDLEN
        case 0x3818: // TDT
        case 0x3820: // TIDV
        case 0x3828: // TXDCTL
        case 0x382c: // TADV
        case 0x3830: // TSPMT
        case 0x5000: // RXCSUM
        case 0x5800: // WUC
        case 0x5808: // WUFC
        case 0x5810: // WUS
        case 0x5820: // MANC
        case 0x5838: // IPAV
        case 0x5900: // WUPL
          return ALLOW;
        case 0x00c8: // ICS
        case 0x00d8: // IMC
          return WRITE_ONLY;
        default:
          if (inRegisterArray(offset)) return ALLOW;
      }
    }
    return offset % width === 0 && (inReadOnlyArea(offset, width) || inFilterArea(offset, width)) ? ALLOW : UNLISTED;
  }

  // ---- Writing ---------------------------------------------------------------------------------------------------------

  write(space: number, offset: number, width: number, lo: number): number {
    if (space === 0) return this.#writeRegister(offset, width, lo);
    if (space === 1) {
      if (width !== 4) return UNLISTED;
      if (offset === 0) {
        this.#ioAddress = lo;
        return ALLOW;
      }
      return offset === 4 ? this.#writeRegister(this.#ioAddress, 4, lo) : UNLISTED;
    }
    return space === 6 ? writeConfiguration(offset, width, lo) : UNLISTED;
  }

  #writeRegister(offset: number, width: number, lo: number): number {
    if (width === 4) {
      switch (offset) {
        case 0x3818: // TDT
          return this.#writeTransmitTail(lo);
        case 0x2818: // RDT
          return this.#writeReceiveTail(lo);
        case 0x00d0: // IMS
        case 0x00d8: // IMC
        case 0x0010: // EECD
        case 0x0014: // EERD
        case 0x0020: // MDIC
          return ALLOW;
        case 0x0000: // CTRL
          return (lo & 0x0400_0000) !== 0 ? this.#resetDevice() : ALLOW;
        case 0x0004: // CTRL_DUP
          return (lo & 0x0400_0000) !== 0 ? BAD_RESET : ALLOW;
        case 0x0018: // CTRL_EXT
          return (lo & 0x2000) !== 0 && (this.#txRunning || this.#rxRunning) ? ENGINE_RUNS : ALLOW;
        case 0x0100: // RCTL
          return (lo & 0xf920_4001) !== 0 ? RESERVED : this.#writeReceiveControl(lo);
        case 0x0400: // TCTL
          return (lo & 0xec80_0005) !== 0 ? RESERVED : this.#writeTransmitControl(lo);
        case 0x2800: // RDBAL
          if ((lo & 15) !== 0) return RESERVED;
          if (this.#rxRunning) return ENGINE_RUNS;
          this.#rxBaseLow = lo;
          this.#rxKnown |= 1;
          return ALLOW;
        case 0x2804: // RDBAH
          if (this.#rxRunning) return ENGINE_RUNS;
          this.#rxBaseHigh = lo;
          this.#rxKnown |= 2;
          return ALLOW;
        case 0x2808: // RDLEN
          if ((lo & 0xfff0_007f) !== 0) return RESERVED;
          if (this.#rxRunning) return ENGINE_RUNS;
          if (lo > RING_MAX * 16) return BEYOND_RING;
          this.#rxCount = lo >>> 4;
          this.#rxKnown |= 4;
          if (this.#rxMoved) this.#rxKnown &= ~8;
          return ALLOW;
        case 0x2810: // RDH
          if (this.#rxRunning) return ENGINE_RUNS;
          if (lo >= RING_MAX) return BEYOND_RING;
          this.#rxHead = lo;
          this.#rxMoved = false;
          this.#rxKnown |= 8;
          return ALLOW;
        case 0x3800: // TDBAL
          if ((lo & 15) !== 0) return RESERVED;
          if (this.#txRunning) return ENGINE_RUNS;
          this.#txBaseLow = lo;
          this.#txKnown |= 1;
          return ALLOW;
        case 0x3804: // TDBAH
          if (this.#txRunning) return ENGINE_RUNS;
          this.#txBaseHigh = lo;
          this.#txKnown |= 2;
          return ALLOW;
        case 0x3808: // TDLEN
          if ((lo & 0xfff0_007f) !== 0) return RESERVED;
          if (this.#txRunning) return ENGINE_RUNS;
          if (lo > RING_MAX * 16) return BEYOND_RING;
          this.#txCount = lo >>> 4;
          this.#txKnown |= 4;
          if (this.#txMoved) this.#txKnown &= ~8;
          return ALLOW;
        case 0x3810: // TDH
          if (this.#txRunning) return ENGINE_RUNS;
          if (lo >= RING_MAX) return BEYOND_RING;
          this.#txHead = lo;
          this.#txMoved = false;
          this.#txKnown |= 8;
          return ALLOW;
        case 0x001c: // FLA
        case 0x0028: // FCAL
        case 0x002c: // FCAH
        case 0x0030: // FCT
        case 0x0038: // VET
        case 0x00c0: // ICR
        case 0x00c4: // ITR
        case 0x00c8: // ICS
        case 0x0170: // FCTTV
        case 0x0178: // TXCW
        case 0x0410: // TIPG
        case 0x0458: // AIFS
        case 0x0e00: // LEDCTL
        case 0x1000: // PBA
        case 0x2160: // FCRTL
        case 0x2168: // FCRTH
        case 0x2820: // RDTR
        case 0x2828: // RXDCTL
        case 0x282c: // RADV
        case 0x2c00: // RSRPD
        case 0x3000: // TXDMAC
        case 0x3820: // TIDV
        case 0x3828: // TXDCTL
        case 0x382c: // TADV
        case 0x3830: // TSPMT
        case 0x5000: // RXCSUM
        case 0x5800: // WUC
        case 0x5808: // WUFC
        case 0x5810: // WUS
        case 0x5820: // MANC
        case 0x5838: // IPAV
        case 0x0008: // STATUS
          return ALLOW;
        case 0x0180: // RXCW
        case 0x5900: // WUPL
          return READ_ONLY;
        default:
          if (inRegisterArray(offset)) return ALLOW;
      }
    }
    if (offset % width !== 0) return UNLISTED;
    if (inFilterArea(offset, width)) return ALLOW;
    return inReadOnlyArea(offset, width) ? READ_ONLY : UNLISTED;
  }

  /** 14.7. Implementations differ in what a reset resets, so nothing is believed of the rings after it. */
  #resetDevice(): number {
    if (this.#txRunning || this.#rxRunning) return ENGINE_RUNS;
    this.#txKnown = 0;
    this.#rxKnown = 0;
    return ALLOW;
  }

  #forgetRings(): void {
    this.#txRunning = false;
    this.#rxRunning = false;
    this.#txBaseLow = this.#txBaseHigh = this.#txCount = this.#txHead = this.#txTail = 0;
    this.#rxBaseLow = this.#rxBaseHigh = this.#rxCount = this.#rxHead = this.#rxTail = 0;
    this.#txKnown = this.#rxKnown = 0;
    this.#txMoved = this.#rxMoved = false;
    this.#rxBufferSize = 2048;
  }

  // ---- Transmit --------------------------------------------------------------------------------------------------------

  #writeTransmitControl(lo: number): number {
    const enable = (lo & 2) !== 0;
    if (this.#txRunning) {
      if (!enable) this.#txRunning = false;
      return ALLOW;
    }
    if (!enable) return ALLOW;
    if (this.#txCount === 0 || this.#txKnown !== ALL_KNOWN) return NOT_PROGRAMMED;
    if (this.#txHead >= this.#txCount || this.#txTail >= this.#txCount) return BEYOND_RING;
    const base = this.#txBaseHigh * 4294967296 + this.#txBaseLow;
    const verdict = this.#checkTransmit(base, this.#txCount, this.#txHead, this.#txTail);
    if (verdict !== ALLOW) return verdict;
    this.#txMoved = true;
    this.#txRunning = true;
    return ALLOW;
  }

  #writeTransmitTail(tail: number): number {
    if (!this.#txRunning) {
      if (tail >= RING_MAX) return BEYOND_RING;
      this.#txTail = tail;
      this.#txKnown |= 16;
      if (this.#txMoved) this.#txKnown &= ~8;
      return ALLOW;
    }
    if (tail >= this.#txCount) return BEYOND_RING;
    const base = this.#txBaseHigh * 4294967296 + this.#txBaseLow;
    const verdict = this.#checkTransmit(base, this.#txCount, this.#txTail, tail);
    if (verdict === ALLOW) {
      this.#txHead = surelyOwnedFrom(this.#txHead, this.#txTail, tail, this.#txCount);
      this.#txTail = tail;
    }
    return verdict;
  }

  #checkTransmit(base: number, count: number, from: number, to: number): number {
    if (from >= count) return BEYOND_RING;
    if (!this.#inside(GRANT_COMMANDS, base, count * 16)) return OUTSIDE_GRANT;
    const end = this.#copyDescriptors(base, count, from, to);
    if (end < 0) return OUTSIDE_GRANT;
    const view = this.#view;
    for (let at = 0; at < end; at += 16) {
      const command = view.getUint32(at + 8, true);
      let length = command & 0xffff; // legacy
      if ((command & 0x2000_0000) !== 0) {
        const type = (command >>> 20) & 15;
        if (type > 1) return BAD_DESCRIPTOR;
        if (type === 0) {
          if ((command & 0x0400_0000) !== 0) {
            const context = view.getUint32(at + 12, true);
            if (context >>> 16 === 0 || (context & 0xff00) === 0) return BAD_DESCRIPTOR;
          }
          continue;
        }
        length = command & 0xf_ffff;
      }
      const address = view.getUint32(at + 4, true) * 4294967296 + view.getUint32(at, true);
      if (!this.#inside(GRANT_READS, address, length)) return OUTSIDE_GRANT;
    }
    return ALLOW;
  }

  // ---- Receive ---------------------------------------------------------------------------------------------------------

  #writeReceiveControl(lo: number): number {
    const enable = (lo & 2) !== 0;
    const code = (lo >>> 16) & 3;
    const extended = (lo & 0x0200_0000) !== 0;
    let size: number;
    if (extended) size = code === 1 ? 16384 : code === 2 ? 8192 : 4096;
    else size = 2048 >> code;
    if (this.#rxRunning) {
      if (enable && size !== this.#rxBufferSize) return BAD_BUFFER_SIZE;
      if (!enable) this.#rxRunning = false;
      this.#rxBufferSize = size;
      return ALLOW;
    }
    if (enable) {
      if (extended && code === 0) return BAD_BUFFER_SIZE;
      if (this.#rxCount === 0 || this.#rxKnown !== ALL_KNOWN) return NOT_PROGRAMMED;
      if (this.#rxHead >= this.#rxCount || this.#rxTail >= this.#rxCount) return BEYOND_RING;
      const verdict = this.#checkReceive(this.#rxHead, this.#rxTail, size);
      if (verdict !== ALLOW) return verdict;
      this.#rxMoved = true;
      this.#rxRunning = true;
    }
    this.#rxBufferSize = size;
    return ALLOW;
  }

  #writeReceiveTail(tail: number): number {
    if (!this.#rxRunning) {
      if (tail >= RING_MAX) return BEYOND_RING;
      this.#rxTail = tail;
      this.#rxKnown |= 16;
      if (this.#rxMoved) this.#rxKnown &= ~8;
      return ALLOW;
    }
    if (tail >= this.#rxCount) return BEYOND_RING;
    const verdict = this.#checkReceive(this.#rxTail, tail, this.#rxBufferSize);
    if (verdict === ALLOW) {
      this.#rxHead = surelyOwnedFrom(this.#rxHead, this.#rxTail, tail, this.#rxCount);
      this.#rxTail = tail;
    }
    return verdict;
  }

  #checkReceive(from: number, to: number, size: number): number {
    const base = this.#rxBaseHigh * 4294967296 + this.#rxBaseLow;
    const count = this.#rxCount;
    if (from >= count) return BEYOND_RING;
    if (!this.#inside(GRANT_COMMANDS, base, count * 16)) return OUTSIDE_GRANT;
    const end = this.#copyDescriptors(base, count, from, to);
    if (end < 0) return OUTSIDE_GRANT;
    const view = this.#view;
    for (let at = 0; at < end; at += 16) {
      const address = view.getUint32(at + 4, true) * 4294967296 + view.getUint32(at, true);
      if (address !== 0 && !this.#inside(GRANT_WRITES, address, size)) return OUTSIDE_GRANT;
    }
    return ALLOW;
  }

  // ---- Descriptors and memory ------------------------------------------------------------------------------------------

  /** Copies the descriptors from `from` up to `to` around the ring. @returns the bytes copied, or -1 */
  #copyDescriptors(base: number, count: number, from: number, to: number): number {
    if (from === to) return 0;
    if (to > from) {
      const bytes = (to - from) * 16;
      return this.#memory.fetch(base + from * 16, bytes, this.#copy, 0) ? bytes : -1;
    }
    const first = (count - from) * 16;
    if (!this.#memory.fetch(base + from * 16, first, this.#copy, 0)) return -1;
    if (to !== 0 && !this.#memory.fetch(base, to * 16, this.#copy, first)) return -1;
    return first + to * 16;
  }

  #inside(purposes: number, base: number, length: number): boolean {
    if (length === 0) return true;
    if (base >= ADDRESS_LIMIT) return false;
    const end = base + length;
    const last = this.#lastGrant;
    if (last < this.#grants && this.#covers(last, purposes, base, end)) return true;
    for (let index = 0; index < this.#grants; index += 1) {
      if (this.#covers(index, purposes, base, end)) {
        this.#lastGrant = index;
        return true;
      }
    }
    return false;
  }

  #covers(index: number, purposes: number, base: number, end: number): boolean {
    return (
      ((this.#grantPurposes[index] ?? 0) & purposes) === purposes &&
      (this.#grantBase[index] ?? 0) <= base &&
      end <= (this.#grantEnd[index] ?? 0)
    );
  }

  grant(address: number, length: number, purposes: number): number {
    if (length === 0 || address >= ADDRESS_LIMIT || length > ADDRESS_LIMIT - address) return BAD_GRANT;
    const end = address + length;
    for (let index = 0; index < this.#grants; index += 1) {
      if (address < (this.#grantEnd[index] ?? 0) && (this.#grantBase[index] ?? 0) < end) return BAD_GRANT;
    }
    if (this.#grants >= GRANTS_MAX) return BAD_GRANT;
    this.#grantBase[this.#grants] = address;
    this.#grantEnd[this.#grants] = end;
    this.#grantPurposes[this.#grants] = purposes;
    this.#grants += 1;
    return ALLOW;
  }

  store(address: number, length: number): number {
    if (this.#txRunning) {
      const base = this.#txBaseHigh * 4294967296 + this.#txBaseLow;
      if (touchesOwned(address, length, base, this.#txCount, this.#txHead, this.#txTail)) return OWNED;
    }
    if (this.#rxRunning) {
      const base = this.#rxBaseHigh * 4294967296 + this.#rxBaseLow;
      if (touchesOwned(address, length, base, this.#rxCount, this.#rxHead, this.#rxTail)) return OWNED;
    }
    return ALLOW;
  }

  // ---- Interrupts and reset --------------------------------------------------------------------------------------------

  interrupt(now: number): number {
    const elapsed = now > this.#interruptLast ? now - this.#interruptLast : 0;
    const credit = Math.min(this.#interruptCredit + elapsed, INTERRUPT_CREDIT_US);
    if (credit < INTERRUPT_COST_US) return TOO_MANY_INTERRUPTS;
    this.#interruptCredit = credit - INTERRUPT_COST_US;
    this.#interruptLast = now;
    this.#interruptState = CARD_NOT_CHECKED;
    return ALLOW;
  }

  check(): number {
    if (this.#interruptState === CARD_NOT_CHECKED) return UNANSWERED;
    this.#interruptState = IDLE;
    return ALLOW;
  }

  reset(): void {
    this.#forgetRings();
    this.#ioAddress = 0;
    this.#interruptState = IDLE;
    this.#interruptCredit = INTERRUPT_CREDIT_US;
    this.#interruptLast = 0;
    this.#grants = 0;
    this.#lastGrant = 0;
  }
}

/** MTA, RAL and RAH, VFTA, IP4AT, IP6AT, FFLT: the register tables of BAR 0, in 32-bit words. */
function inRegisterArray(offset: number): boolean {
  if (offset < 0x5200 || offset >= 0x5f20 || offset % 4 !== 0) return false;
  if (offset < 0x5480) return true;
  if (offset >= 0x5600 && offset < 0x5800) return true;
  if (offset >= 0x5840 && offset < 0x5860) return offset % 8 === 0;
  if (offset >= 0x5880 && offset < 0x5890) return true;
  return offset >= 0x5f00 && offset % 8 === 0;
}

/** Statistics, packet buffer, wake-up packet, FIFO pointers. */
function inReadOnlyArea(offset: number, width: number): boolean {
  const end = offset + width;
  if (offset >= 0x4000 && end <= 0x4100) return true;
  if (offset >= 0x1_0000 && end <= 0x2_0000) return true;
  if (offset >= 0x5a00 && end <= 0x5a80) return true;
  return (offset >= 0x2410 && end <= 0x2430) || (offset >= 0x3410 && end <= 0x3430);
}

/** The filter tables FFMT and FFVT. */
function inFilterArea(offset: number, width: number): boolean {
  const end = offset + width;
  return (offset >= 0x9000 && end <= 0x9400) || (offset >= 0x9800 && end <= 0x9c00);
}

/** The bus is the platform's: only what is the driver's own may be written (chapter 4). */
function writeConfiguration(offset: number, width: number, lo: number): number {
  switch (offset) {
    case 0x04: // COMMAND
      if (width !== 2) return UNLISTED;
      return (lo & 0xf880) !== 0 ? RESERVED : ALLOW;
    case 0x06: // PCI_STATUS
    case 0xe0: // PMCSR
      return width === 2 ? ALLOW : UNLISTED;
    case 0x0c: // CACHE_LINE
    case 0x0d: // LATENCY
      return width === 1 ? ALLOW : UNLISTED;
    default:
      return PLATFORM;
  }
}

/** Does a store touch an entry between head and tail, which the device owns? */
function touchesOwned(
  address: number,
  length: number,
  base: number,
  count: number,
  head: number,
  tail: number,
): boolean {
  const end = address + length;
  if (length === 0 || head === tail || end <= base || address >= base + count * 16) return false;
  const first = address > base ? Math.floor((address - base) / 16) : 0;
  const last = Math.min(Math.floor((end - 1 - base) / 16), count - 1);
  const owned = tail >= head ? tail - head : tail + count - head;
  const ahead = first >= head ? first - head : first + count - head;
  return ahead < owned || (first <= head && head <= last);
}
