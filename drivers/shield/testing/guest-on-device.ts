/**
 * A guest without Linux on a real device of QEMU: the test makes the guest's accesses and has the guest's memory. The moment
 * between the monitor's verdict and the device's use is the test's own: `beforeDevice` runs when a write has been allowed
 * and not yet delivered.
 */
import { closeSync } from 'node:fs';
import type { Space } from '../../../dsslang/index.ts';
import type { Device, Fault, OpenBacking } from '../../../kernel/index.ts';
import { qemuBacking, type QemuBackingOptions } from '../../backing/qemu/index.ts';
import { openNamelessFile } from '../../backing/qemu/ram-file.ts';
import { inPackage } from '../../devices.ts';
import { loadSpecification } from '../../specification.ts';
import { GuestRvm } from '../guest-rvm.ts';
import { memoryOf, placesOf } from '../platform.ts';
import { findPointers } from '../pointers.ts';
import { memoryBytes, shadowFor } from '../shadow-for.ts';
import type { MemoryAccess } from '../memory-access.ts';
import { createPlainMemory } from '../shadow.ts';

export const GUEST_BYTES = 32 << 20;

export interface GuestOnDevice {
  readonly rvm: GuestRvm;
  /** All of the memory of the device's machine: the guest's is below `GUEST_BYTES`. */
  readonly memory: MemoryAccess;
  readonly faults: Fault[];
  readonly open: OpenBacking;
}

export interface GuestOnDeviceOptions {
  readonly device: QemuBackingOptions['device'];
  readonly specification: string;
  /** False: the device reads the guest's memory, as it would without the shadow. */
  readonly shadowed: boolean;
  readonly beforeDevice: (memory: MemoryAccess, space: Space, offset: number, value: number) => void;
}

export async function withGuestOn(
  options: GuestOnDeviceOptions,
  run: (guest: GuestOnDevice) => Promise<void>,
): Promise<void> {
  const { shadowed } = options;
  const specification = await loadSpecification(inPackage(options.specification));
  const pointers = findPointers(specification.program);
  const sizeBytes = memoryBytes(pointers, GUEST_BYTES);
  const memoryFd = openNamelessFile(sizeBytes);
  const open = await qemuBacking({ device: options.device, memoryFd, memorySizeBytes: sizeBytes }).open();
  try {
    const real = open.attachHere();
    const memory = memoryOf(memoryFd, sizeBytes);
    const device: Device = {
      read: (...args) => real.read(...args),
      write: (space, offset, width, value) => {
        options.beforeDevice(memory, space, offset, value);
        real.write(space, offset, width, value);
      },
      readMemory: (address, into) => real.readMemory(address, into),
      writeMemory: (address, from) => real.writeMemory(address, from),
      onInterrupt: (handler) => real.onInterrupt(handler),
      now: () => real.now(),
      detach: () => real.detach(),
    };
    const faults: Fault[] = [];
    const rvm = new GuestRvm({
      device,
      program: specification.program,
      monitor: specification.module,
      guestBytes: GUEST_BYTES,
      shadow: shadowed ? shadowFor(pointers, memory, GUEST_BYTES) : createPlainMemory(memory, GUEST_BYTES),
      pointers: shadowed && 'registers' in pointers ? pointers.registers : [],
      places: placesOf(real, specification.module.info.bars),
      onViolation: (fault) => faults.push(fault),
      onWithdrawn: () => undefined,
    });
    await run({ rvm, memory, faults, open });
    real.detach();
  } finally {
    await open.close();
    closeSync(memoryFd);
  }
}

/** What the device put on the cable, frame by frame; waits for the first of them. */
export function framesOf({ open }: GuestOnDevice): () => Promise<Uint8Array> {
  const frames: Uint8Array[] = [];
  let heard: (() => void) | undefined;
  open.wire?.onFrame((frame) => {
    frames.push(frame);
    heard?.();
  });
  return async () => {
    if (frames.length === 0) {
      await new Promise<void>((resolve, reject) => {
        heard = resolve;
        setTimeout(() => reject(new Error('no frame in 5 s')), 5000).unref();
      });
    }
    return frames.shift() ?? new Uint8Array(0);
  };
}
