/**
 * The guest's memory as a file without a name: QEMU maps it, this process reads and writes it by position.
 *
 * In the low memory of a `pc` machine the guest-physical address is the file offset, and the kernel keeps the mapping and
 * the file coherent both ways, so a DMA access of the driver is a plain pread or pwrite (about 1 us for 4 bytes). The file
 * lives on tmpfs and is unlinked before QEMU starts: QEMU opens it through the descriptor, and no crash leaves it behind.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, ftruncateSync, openSync, readSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Memory that exists. The range is in device addresses, `base` included. */
export interface MemoryRange {
  readonly base: number;
  readonly sizeBytes: number;
}

/**
 * An open file of `sizeBytes` zeroes without a name, in memory where the system has a tmpfs. The caller closes it.
 * @param usedBytes how much of it will be written at most: a full tmpfs would kill QEMU in the middle of its work
 */
export function openNamelessFile(sizeBytes: number, usedBytes = sizeBytes): number {
  const fd = openAndUnlink('/dev/shm', usedBytes) ?? openAndUnlink(tmpdir(), usedBytes);
  if (fd === undefined) {
    throw new Error(`cannot create a file in /dev/shm or in ${tmpdir()}, or there are no ${usedBytes} bytes left`);
  }
  try {
    ftruncateSync(fd, sizeBytes);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

/** A descriptor of its own for a file that is open already. The caller closes it. */
export function openAgain(fd: number): number {
  return openSync(`/proc/self/fd/${fd}`, constants.O_RDWR);
}

function openAndUnlink(folder: string, usedBytes: number): number | undefined {
  const path = join(folder, `refmon-${process.pid}-${randomBytes(8).toString('hex')}`);
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < usedBytes) return undefined;
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    unlinkSync(path);
    return fd;
  } catch {
    return undefined;
  }
}

/** @throws RangeError when a byte of it lies outside `range` */
function checkInside(range: MemoryRange, address: number, length: number): void {
  const end = range.base + range.sizeBytes;
  if (Number.isSafeInteger(address) && address >= range.base && address + length <= end) return;
  throw new RangeError(
    `memory 0x${address.toString(16)}+${length} is outside the device's DMA memory ` +
      `0x${range.base.toString(16)}..0x${end.toString(16)}`,
  );
}

/** Fills `into` from `address` on. */
export function readRam(fd: number, range: MemoryRange, address: number, into: Uint8Array): void {
  checkInside(range, address, into.length);
  for (let done = 0; done < into.length;) {
    const count = readSync(fd, into, done, into.length - done, address + done);
    if (count === 0) throw new Error('the guest memory file is shorter than the guest memory');
    done += count;
  }
}

/** Stores all of `from` at `address`. */
export function writeRam(fd: number, range: MemoryRange, address: number, from: Uint8Array): void {
  checkInside(range, address, from.length);
  for (let done = 0; done < from.length;) {
    done += writeSync(fd, from, done, from.length - done, address + done);
  }
}
