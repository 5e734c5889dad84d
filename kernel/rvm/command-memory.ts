/**
 * Command memory as the monitor sees it: descriptors that are there, and descriptors as a store would leave them.
 *
 * The monitor asks for descriptors while it judges one operation. What it is shown is copied from memory granted for commands
 * and from nowhere else, into the monitor's own scratch, and read once: descriptors that lie together come in one run, since on
 * a real device the call costs more than the bytes. A run is good for one question to the monitor, and entries of a ring or
 * a frozen table that the driver has just stored need no look at all (`fresh-stores.ts`), as long as the device is not touched; whoever touches it
 * calls `forget`.
 *
 * Nothing is refused here: verdicts are the monitor's, and what follows from them is the RVM's.
 */
import { ALLOWED, GRANT_COMMANDS } from '../../dsslang/runtime.ts';
import type { DescriptorMemory, Monitor, ProgressRegister, Verdict } from '../../dsslang/runtime.ts';
import type { Device } from '../abi.ts';
import { valueMax } from './arguments.ts';
import type { DmaTable } from './dma.ts';
import { FreshStores } from './fresh-stores.ts';

/** Descriptors are fetched in runs of up to this many bytes: 32 of the usual 16 bytes. */
const FETCH_AHEAD_BYTES = 512;

export class CommandMemory implements DescriptorMemory {
  readonly #device: Device;
  readonly #dma: DmaTable;
  readonly #time: () => number;
  readonly #ahead = { address: 0, sizeBytes: 0, bytes: new Uint8Array(FETCH_AHEAD_BYTES) };
  readonly #fresh = new FreshStores();
  /** The store that is being judged; meaningless at any other time. */
  readonly #storing: { address: number; bytes: Uint8Array } = { address: 0, bytes: new Uint8Array(0) };
  /** By the address of a region: which progress register helped last. */
  readonly #helpful = new Map<number, number>();

  /** @param time device time in whole microseconds, never running backwards */
  constructor(device: Device, dma: DmaTable, time: () => number) {
    this.#device = device;
    this.#dma = dma;
    this.#time = time;
  }

  /** Another operation begins: what was read ahead may no longer be so. */
  begin(): void {
    this.#ahead.sizeBytes = 0;
  }

  /** A register is about to be touched, the device has spoken, or regions change: whatever lies in memory may be the device's. */
  forget(): void {
    this.#ahead.sizeBytes = 0;
    this.#fresh.forget();
  }

  /**
   * Copies `length` bytes at `address` to `target` from `at` on. False: not all of them are in one region for commands.
   * In a pool the device may change what it likes at any time: that is always looked up.
   */
  fetch(address: number, length: number, target: Uint8Array, at: number, frozen = false): boolean {
    const region = this.#dma.find(address, length);
    if (region === undefined || (region.purposes & GRANT_COMMANDS) === 0) return false;
    if (frozen && region.purposes === GRANT_COMMANDS && this.#fresh.copy(address, length, target, at)) return true;
    const ahead = this.#ahead;
    if (length > FETCH_AHEAD_BYTES) {
      this.#device.readMemory(address, target.subarray(at, at + length));
      return true;
    }
    if (address < ahead.address || address + length > ahead.address + ahead.sizeBytes) {
      const left = region.address + region.sizeBytes - address;
      ahead.address = address;
      ahead.sizeBytes = Math.min(left, FETCH_AHEAD_BYTES);
      this.#device.readMemory(address, ahead.bytes.subarray(0, ahead.sizeBytes));
    }
    const from = address - ahead.address;
    target.set(ahead.bytes.subarray(from, from + length), at);
    return true;
  }

  /** The same with the bytes of the store that is being judged laid over what is there now. */
  stored(address: number, length: number, target: Uint8Array, at: number): boolean {
    if (!this.fetch(address, length, target, at)) return false;
    const { address: start, bytes } = this.#storing;
    const first = Math.max(address, start);
    const end = Math.min(address + length, start + bytes.length);
    for (let place = first; place < end; place += 1) target[at + place - address] = bytes[place - start] ?? 0;
    return true;
  }

  /** `bytes` are in memory now, and the monitor had allowed that. */
  noteStore(address: number, bytes: Uint8Array): void {
    this.#fresh.note(address, bytes);
  }

  /** The monitor's verdict on a store of `bytes`. A denial is believed only with the device's progress up to date. */
  judgeStore(monitor: Monitor, address: number, bytes: Uint8Array, nowUs: number): Verdict {
    this.#storing.address = address;
    this.#storing.bytes = bytes;
    const verdict = monitor.store(address, bytes.length, nowUs);
    return verdict === ALLOWED ? ALLOWED : this.#judgeAfterProgress(monitor, address, bytes.length, verdict);
  }

  /**
   * The device may have given descriptors back that the monitor still believes to be the device's: it learns of progress
   * only from reads. So the RVM reads the progress registers itself, by the same rules; a refusal here accuses nobody.
   * One at a time, first the one that helped last in this memory: on a real device a read costs more than all checks.
   */
  #judgeAfterProgress(monitor: Monitor, address: number, length: number, denied: Verdict): Verdict {
    const { progress } = monitor.info;
    const region = this.#dma.find(address, length)?.address ?? address;
    const first = this.#helpful.get(region) ?? 0;
    let verdict = denied;
    for (let tried = 0; tried < progress.length && verdict !== ALLOWED; tried += 1) {
      const index = (first + tried) % progress.length;
      const register = progress[index];
      if (register === undefined || !this.#readProgress(monitor, register)) continue;
      verdict = monitor.store(address, length, this.#time());
      if (verdict === ALLOWED) this.#helpful.set(region, index);
    }
    return verdict;
  }

  /** Shows the monitor how far the device has come; false if it does not want to know. */
  #readProgress(monitor: Monitor, { space, offset, width }: ProgressRegister): boolean {
    if (monitor.read(space, offset, width, this.#time()) !== ALLOWED) return false;
    this.forget();
    const value = (this.#device.read(space, offset, width) & valueMax(width)) >>> 0;
    return monitor.report(space, offset, width, value, 0, this.#time()) === ALLOWED;
  }
}
