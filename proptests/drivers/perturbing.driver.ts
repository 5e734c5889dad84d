/**
 * A driver program around another: it runs the device's own driver on an `io` whose operations are perturbed.
 *
 * So the campaign runs inside a real domain, on a real device: to the kernel this is one more untrusted driver. What to run,
 * and how, stands before it in the same script as `perturbation` (`perturbed-domain.ts`).
 */
import type { Space, Width } from '../../dsslang/runtime.ts';
import type { DeviceIo, DmaPurpose, DmaRegion, DriverProgram } from '../../kernel/abi.ts';
import type { MediatedDevice } from '../../kernel/driver-io.ts';
import { Random } from '../dsslang/random.ts';
import { PerturbedDevice, type Rate } from './perturbation.ts';

/** What the script begins with. */
export interface Perturbation {
  /** The text of the driver program. */
  readonly driver: string;
  readonly seed: number;
  readonly rate: Rate;
}

declare const perturbation: Perturbation;

type Load = (address: number, into: Uint8Array) => void;
type Store = (address: number, from: Uint8Array) => void;

/** `io` as the RVM would be seen: memory by its address. */
function mediated(io: DeviceIo): MediatedDevice {
  const regions: DmaRegion[] = [];
  const regionAt = (address: number): DmaRegion => {
    const region = regions.find((each) => address >= each.address && address <= each.address + each.sizeBytes);
    if (region === undefined) throw new RangeError(`no region of this driver at ${address}`);
    return region;
  };
  return {
    now: () => io.now(),
    read: (space: Space, offset: number, width: Width) =>
      width === 1 ? io.read8(space, offset) : width === 2 ? io.read16(space, offset) : io.read32(space, offset),
    write(space: Space, offset: number, width: Width, value: number) {
      if (width === 1) io.write8(space, offset, value);
      else if (width === 2) io.write16(space, offset, value);
      else io.write32(space, offset, value);
    },
    readMemory(address, into) {
      const region = regionAt(address);
      into.set(region.copyOut(address - region.address, into.length));
    },
    writeMemory(address, from) {
      const region = regionAt(address);
      region.copyIn(address - region.address, from);
    },
    allocate(sizeBytes: number, purpose: DmaPurpose, pool?: string) {
      const region = io.allocate(sizeBytes, purpose, pool);
      regions.push(region);
      return { address: region.address, sizeBytes: region.sizeBytes, purpose };
    },
  };
}

/** And back: granted memory as a driver sees it, every access through `load` and `store`. */
function region({ address, sizeBytes }: { address: number; sizeBytes: number }, load: Load, store: Store): DmaRegion {
  const read = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    load(address + offset, bytes);
    return bytes;
  };
  const number = (bytes: Uint8Array): number => bytes.reduceRight((value, byte) => value * 256 + byte, 0);
  const write = (offset: number, length: number, value: number): void =>
    store(
      address + offset,
      Uint8Array.from({ length }, (_, index) => Math.floor(value / 256 ** index) % 256),
    );
  return {
    address,
    sizeBytes,
    read8: (offset) => number(read(offset, 1)),
    read16: (offset) => number(read(offset, 2)),
    read32: (offset) => number(read(offset, 4)),
    write8: (offset, value) => write(offset, 1, value),
    write16: (offset, value) => write(offset, 2, value),
    write32: (offset, value) => write(offset, 4, value),
    copyIn: (offset, bytes) => store(address + offset, bytes),
    copyOut: read,
  };
}

function perturbedIo(io: DeviceIo): DeviceIo {
  const device = new PerturbedDevice(mediated(io), new Random(perturbation.seed), perturbation.rate);
  return {
    ...io,
    now: () => device.now(),
    read8: (space, offset) => device.read(space, offset, 1),
    read16: (space, offset) => device.read(space, offset, 2),
    read32: (space, offset) => device.read(space, offset, 4),
    write8: (space, offset, value) => device.write(space, offset, 1, value),
    write16: (space, offset, value) => device.write(space, offset, 2, value),
    write32: (space, offset, value) => device.write(space, offset, 4, value),
    allocate: (sizeBytes, purpose, pool) =>
      region(
        device.allocate(sizeBytes, purpose, pool),
        (address, into) => device.readMemory(address, into),
        (address, from) => device.writeMemory(address, from),
      ),
  };
}

const evaluate = globalThis.eval as (text: string) => unknown;

export default ((io: DeviceIo) =>
  (evaluate(perturbation.driver) as DriverProgram)(perturbedIo(io))) satisfies DriverProgram;
