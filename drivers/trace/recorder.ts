/**
 * Writes a trace at the driver's side: every access as the driver made it, with the descriptors that the monitor was shown.
 *
 * The format is that of `drivers/trace/format.ts`. A descriptor's line follows the write that published it and was read
 * before the device saw that write. Only what the monitor allowed is written, so a trace of a run without a violation is
 * complete, and replaying it denies nothing.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { CONFIG_SPACE, MEMORY_SPACE, PORT_SPACE, type Space } from '../../dsslang/index.ts';

export interface Recorder {
  access(
    write: boolean,
    space: Space,
    offset: number,
    width: number,
    value: number,
    fetched: readonly { readonly address: number; readonly bytes: Uint8Array }[],
  ): void;
  /** A structure of a pool, as a store left it. */
  structure(pool: string, address: number, bytes: Uint8Array): void;
  irq(line: number, level: 0 | 1): void;
  mark(phase: string): void;
  /** Writes what is left. Idempotent. */
  close(): void;
  readonly lines: number;
}

/** A BAR and an offset there; of fixed ports and fixed memory the address itself. */
function placeOf(space: Space, offset: number): Record<string, number> {
  return space === PORT_SPACE || space === MEMORY_SPACE ? { a: offset } : { bar: space, o: offset };
}

/** Lines are compressed in runs of this many characters; gzip files may be joined. */
const CHUNK_CHARACTERS = 1 << 18;

/** @param file is created or overwritten; gzip */
export function createRecorder(file: string, device: string, now: () => number): Recorder {
  const fd = openSync(file, 'w');
  const startUs = now();
  let pending = '';
  let lines = 0;
  let closed = false;

  function flush(): void {
    if (pending !== '') writeSync(fd, gzipSync(pending));
    pending = '';
  }
  function emit(fields: Record<string, unknown>): void {
    if (closed) return;
    pending += `${JSON.stringify({ t: Math.round(now() - startUs), ...fields })}\n`;
    lines += 1;
    if (pending.length > CHUNK_CHARACTERS) flush();
  }

  function dma(what: string, address: number, bytes: Uint8Array): void {
    emit({
      k: 'dma',
      what: `${device}.${what}`,
      a: address,
      len: bytes.length,
      hex: Buffer.from(bytes).toString('hex'),
    });
  }

  return {
    access: (write, space, offset, width, value, fetched) => {
      if (space === CONFIG_SPACE) emit({ k: write ? 'cw' : 'cr', o: offset, s: width, v: value });
      else emit({ k: write ? 'w' : 'r', ...placeOf(space, offset), s: width, v: value });
      for (const { address, bytes } of fetched) dma('descriptor', address, bytes);
    },
    structure: dma,
    irq: (line, level) => emit({ k: 'irq', n: line, l: level }),
    mark: (phase) => emit({ k: 'mark', phase }),
    close: () => {
      if (closed) return;
      flush();
      closed = true;
      closeSync(fd);
    },
    get lines() {
      return lines;
    },
  };
}
