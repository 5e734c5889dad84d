/**
 * The medium of a disk: a raw image in a file without a name, which QEMU inherits as a descriptor.
 *
 * QEMU reads and writes the file through the page cache (`cache=unsafe` leaves out only the waiting for a real disk), and so
 * does this end: what the device has finished is seen here, and the other way round. The image is as large as it looks, yet
 * takes memory only where it was written to.
 */
import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import type { Disk } from '../../../../kernel/abi.ts';
import { openNamelessFile } from '../ram-file.ts';
import type { Plug } from './plug.ts';

export const DISK_BYTES_DEFAULT = 8 << 20;

/** The id of the drive, which the device that uses it names. */
export const DRIVE = 'medium';

/** @param sizeBytes whole sectors */
export function diskPlug(sizeBytes = DISK_BYTES_DEFAULT): Plug {
  let fd: number | undefined;
  return {
    needsSocket: false,
    before(theirs) {
      fd = openNamelessFile(sizeBytes, Math.min(sizeBytes, DISK_BYTES_DEFAULT));
      // Locks belong to inodes, and these ends share one.
      const file = `file.driver=file,file.filename=/dev/fd/${theirs},file.locking=off`;
      return ['-drive', `if=none,id=${DRIVE},format=raw,cache=unsafe,${file}`];
    },
    file() {
      if (fd === undefined) throw new Error('the medium is made by `before`');
      return fd;
    },
    property: `drive=${DRIVE}`,
    connect: () => (fd === undefined ? {} : { disk: mediumOf(fd) }),
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

/** The same behind the first port of a SATA controller called `sata`. */
export function sataDiskPlug(): Plug {
  // The drive is a property of the disk on the bus, not of the controller.
  const { property: _drive, ...plug } = diskPlug();
  return { ...plug, after: () => ['-device', `ide-hd,bus=sata.0,drive=${DRIVE}`] };
}

/** A raw image, seen from outside. */
export function mediumOf(fd: number): Disk {
  const sizeBytes = fstatSync(fd).size;
  function check(offset: number, length: number): void {
    if (Number.isSafeInteger(offset) && offset >= 0 && offset + length <= sizeBytes) return;
    throw new RangeError(`the medium has ${sizeBytes} bytes, and not ${length} from ${offset} on`);
  }
  return {
    sizeBytes,
    read(offset, length) {
      check(offset, length);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const count = readSync(fd, bytes, done, length - done, offset + done);
        if (count === 0) throw new Error('the image is shorter than the medium');
        done += count;
      }
      return bytes;
    },
    write(offset, bytes) {
      check(offset, bytes.length);
      for (let done = 0; done < bytes.length;) {
        done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
      }
    },
  };
}
