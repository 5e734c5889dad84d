/**
 * The guest's first file system: a cpio archive of the "newc" form (Linux, Documentation/driver-api/early-userspace/
 * buffer-format.rst), made here so that the same content gives the same bytes and no program is needed.
 */
import { gzipSync } from 'node:zlib';

export interface ArchiveFile {
  /** Path without a leading slash; folders must come before what is in them. */
  readonly path: string;
  readonly content: Uint8Array | 'folder';
  /** Permission bits; 0o755 by default. */
  readonly mode?: number;
}

const FOLDER = 0o040000;
const REGULAR = 0o100000;
const TRAILER = 'TRAILER!!!';

const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

function entry(inode: number, mode: number, path: string, content: Uint8Array): Buffer {
  const links = (mode & FOLDER) !== 0 ? 2 : 1;
  const nameBytes = Buffer.byteLength(path) + 1;
  // inode, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, nameBytes, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  const nameEnd = padded(header.length + nameBytes);
  const buffer = Buffer.alloc(nameEnd + padded(content.length));
  buffer.write(header + path, 'latin1');
  buffer.set(content, nameEnd);
  return buffer;
}

/** The archive, compressed with gzip. */
export function packInitramfs(files: readonly ArchiveFile[]): Buffer {
  const nothing = new Uint8Array(0);
  const entries = files.map(({ path, content, mode = 0o755 }, index) =>
    content === 'folder'
      ? entry(index + 1, FOLDER | mode, path, nothing)
      : entry(index + 1, REGULAR | mode, path, content),
  );
  return gzipSync(Buffer.concat([...entries, entry(0, 0, TRAILER, nothing)]), { level: 1 });
}
