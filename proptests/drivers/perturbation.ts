/**
 * A good driver gone wrong: its operations altered, dropped, repeated and put out of order on their way to the RVM.
 *
 * The original authors tried their monitors so (OSDI'08): a driver that knows the device well and errs at random comes much
 * further than random operations would. What the driver reads is altered too, for then it errs by itself. Each perturbation
 * follows from the run's seed; none knows anything of the specification.
 */
import type { Space, Width } from '../../dsslang/runtime.ts';
import type { DmaPurpose, Granted, MediatedDevice } from '../../kernel/index.ts';
import { Random } from '../dsslang/random.ts';

/** How often: at one operation of the run, or at every `oneIn`th. */
export type Rate = { readonly at: number } | { readonly oneIn: number };

/** A driver that does more in one run hangs: what the kernel's watchdog would end. */
export const OPERATIONS_MAX = 200_000;

const PURPOSES: readonly DmaPurpose[] = ['commands', 'device-reads', 'device-writes', 'device-reads-writes'];
const WIDTHS: readonly Width[] = [1, 2, 4];
/** The driver's own regions, and what lies just beside them, are the addresses that are nearly right. */
const NEAR_BYTES = [-1, 1, 4, 16, 4096, -4096, 65_536];

/** The driver did more operations than any run needs. */
export class TooManyOperations extends Error {
  constructor() {
    super('the driver does not come to an end');
    this.name = 'TooManyOperations';
  }
}

export class PerturbedDevice implements MediatedDevice {
  readonly #rvm: MediatedDevice;
  readonly #random: Random;
  readonly #rate: Rate;
  readonly #regions: Granted[] = [];
  #operations = 0;
  #perturbed = 0;
  /** An operation that was put off until after the next one. */
  #delayed: (() => void) | undefined;

  constructor(rvm: MediatedDevice, random: Random, rate: Rate) {
    this.#rvm = rvm;
    this.#random = random;
    this.#rate = rate;
  }

  get operations(): number {
    return this.#operations;
  }

  get perturbed(): number {
    return this.#perturbed;
  }

  now(): number {
    this.#count();
    return this.#rvm.now();
  }

  read(space: Space, offset: number, width: Width): number {
    if (!this.#due()) return this.#then(() => this.#rvm.read(space, offset, width));
    switch (this.#random.below(6)) {
      case 0: // dropped
        return 0;
      case 1:
        return this.#rvm.read(space, this.#nearOffset(offset), width);
      case 2:
        return this.#rvm.read(space, offset, this.#random.pick(WIDTHS));
      case 3: // repeated
        this.#rvm.read(space, offset, width);
        return this.#rvm.read(space, offset, width);
      default: // the device seems to say something else
        return this.#alter(this.#rvm.read(space, offset, width), width);
    }
  }

  write(space: Space, offset: number, width: Width, value: number): void {
    const act = (): void => this.#rvm.write(space, offset, width, value);
    if (!this.#due()) return this.#then(act);
    switch (this.#random.below(8)) {
      case 0:
        return;
      case 1:
        act();
        return act();
      case 2:
        this.#delayed = act;
        return;
      case 3:
        return this.#rvm.write(space, this.#nearOffset(offset), width, value);
      case 4: {
        const other = this.#random.pick(WIDTHS);
        return this.#rvm.write(space, offset, other, value % 256 ** other);
      }
      case 5: // twice, the second time with something else
        act();
        return this.#rvm.write(space, offset, width, this.#alter(value, width));
      default:
        return this.#rvm.write(space, offset, width, this.#alter(value, width));
    }
  }

  readMemory(address: number, into: Uint8Array): void {
    const due = this.#due();
    this.#then(() => this.#rvm.readMemory(address, into));
    // Not the buffer that data comes in, which nobody looks into: what counts is short.
    if (due && into.length > 0) into[this.#random.below(Math.min(into.length, 64))] = this.#random.below(256);
  }

  writeMemory(address: number, from: Uint8Array): void {
    const bytes = from.slice();
    const act = (): void => this.#rvm.writeMemory(address, bytes);
    if (!this.#due()) return this.#then(act);
    switch (this.#random.below(7)) {
      case 0:
        return;
      case 1:
        act();
        return act();
      case 2:
        this.#delayed = act;
        return;
      case 3: // to another place of the same region
        return this.#rvm.writeMemory(this.#besideIn(address, bytes.length), bytes);
      default:
        this.#spoil(bytes);
        return act();
    }
  }

  allocate(sizeBytes: number, purpose: DmaPurpose, pool?: string): Granted {
    const due = this.#due();
    const size =
      due && this.#random.oneIn(2) ? Math.max(1, sizeBytes + this.#random.pick([-1, -16, -sizeBytes / 2])) : sizeBytes;
    const other = due && this.#random.oneIn(2) ? this.#random.pick(PURPOSES) : purpose;
    const granted = this.#rvm.allocate(Math.floor(size), other, due && this.#random.oneIn(4) ? undefined : pool);
    this.#regions.push(granted);
    return granted;
  }

  /** An operation that is done as asked; then whatever was put off until after it. */
  #then<T>(operation: () => T): T {
    const result = operation();
    const delayed = this.#delayed;
    this.#delayed = undefined;
    delayed?.();
    return result;
  }

  #count(): void {
    this.#operations += 1;
    if (this.#operations > OPERATIONS_MAX) throw new TooManyOperations();
  }

  #due(): boolean {
    this.#count();
    const due = 'at' in this.#rate ? this.#operations === this.#rate.at : this.#random.oneIn(this.#rate.oneIn);
    if (due) this.#perturbed += 1;
    return due;
  }

  #alter(value: number, width: Width): number {
    const limit = 256 ** width;
    switch (this.#random.below(6)) {
      case 0:
        return (value ^ (1 << this.#random.below(8 * width))) >>> 0;
      case 1:
        return (value + 1) % limit;
      case 2:
        return (value + limit - 1) % limit;
      case 3:
        return this.#somewhere() % limit;
      default:
        return Number(this.#random.bits(8 * width));
    }
  }

  /** An address that matters: in or beside the driver's own memory, or anywhere. */
  #somewhere(): number {
    if (this.#regions.length === 0 || this.#random.oneIn(4)) return this.#random.u32();
    const { address, sizeBytes } = this.#random.pick(this.#regions);
    const from = this.#random.pick([address, address + sizeBytes, address + this.#random.below(sizeBytes)]);
    return Math.max(0, from + this.#random.pick([0, ...NEAR_BYTES]));
  }

  #nearOffset(offset: number): number {
    return Math.max(0, offset + this.#random.pick([-4, -2, -1, 1, 2, 4, 8, 16, 0x100, this.#random.below(0x2_0000)]));
  }

  #besideIn(address: number, length: number): number {
    const region = this.#regions.find((each) => address >= each.address && address < each.address + each.sizeBytes);
    if (region === undefined) return address;
    const beside = address + this.#random.pick([-16, -8, -4, 4, 8, 16, 32]);
    return Math.min(
      Math.max(beside, region.address),
      Math.max(region.address, region.address + region.sizeBytes - length),
    );
  }

  /** Changes one field of what looks like a descriptor: a byte, a bit, or a little-endian word that may be an address. */
  #spoil(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const at = this.#random.below(bytes.length);
    if (bytes.length < 4 || this.#random.oneIn(3)) {
      bytes[at] = this.#random.oneIn(2) ? (bytes[at] ?? 0) ^ (1 << this.#random.below(8)) : this.#random.below(256);
      return;
    }
    const word = at - (at % 4) + 4 <= bytes.length ? at - (at % 4) : 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    view.setUint32(word, this.#alter(view.getUint32(word, true), 4), true);
  }
}
