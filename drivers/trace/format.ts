/**
 * Traces: what a driver did to a device, one JSON object a line, plain or gzip.
 *
 * A trace comes from anywhere, so every line is checked here and a bad one is reported with its number. Line kinds:
 * `r`/`w` register read and write (`bar` and `o`, or `a` absolute; `s` bytes; `v` value), `cr`/`cw` PCI configuration,
 * `dma` descriptor bytes published by the write before it, `irq`, `map`, `ev`, `mark`. Kinds not known are skipped.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** A longer line is refused: it is not a trace. */
export const LINE_CHARACTERS_MAX = 1 << 20;

export type TraceLine =
  | {
      readonly kind: 'read' | 'write';
      readonly line: number;
      readonly timeUs: number;
      /** BAR, or undefined for an absolute address or port. */
      readonly bar: number | undefined;
      readonly offset: number;
      readonly width: 1 | 2 | 4 | 8;
      readonly value: bigint;
      /** The PCI function, where the recorder knew it. */
      readonly bdf: string | undefined;
      /** Recorded in the device model, which may see accesses split and widened. */
      readonly seenByDevice: boolean;
    }
  | {
      readonly kind: 'config-read' | 'config-write';
      readonly line: number;
      readonly timeUs: number;
      readonly offset: number;
      /** Some recorders do not know it. */
      readonly width: 1 | 2 | 4 | undefined;
      readonly value: bigint;
      readonly bdf: string | undefined;
    }
  | {
      readonly kind: 'dma';
      readonly line: number;
      readonly timeUs: number;
      /** `DEVICE.POOL[index]`, as the recorder calls what lies there. */
      readonly what: string;
      readonly address: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'other'; readonly line: number; readonly name: string };

export class TraceError extends Error {
  readonly code = 'TRACE_BAD_LINE';
  readonly file: string;
  readonly line: number;

  constructor(file: string, line: number, problem: string, options?: ErrorOptions) {
    super(`${file}:${line}: ${problem}`, options);
    this.name = 'TraceError';
    this.file = file;
    this.line = line;
  }
}

/** Reads a trace file as a stream of checked lines. Memory does not grow with the file. */
export async function* readTrace(file: string): AsyncGenerator<TraceLine> {
  let number = 0;
  for await (const text of lines(file)) {
    number += 1;
    if (text.trim() === '') continue;
    yield parseLine(text, file, number);
  }
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

async function* lines(file: string): AsyncGenerator<string> {
  const raw = createReadStream(file);
  const unpacked: Readable = (await isGzip(file)) ? raw.pipe(createGunzip()) : raw;
  raw.on('error', (error) => unpacked.destroy(error));
  const decoder = new TextDecoder();
  let rest = '';
  let number = 1;
  try {
    for await (const chunk of unpacked) {
      const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      number += parts.length;
      if (rest.length > LINE_CHARACTERS_MAX)
        throw new TraceError(file, number, `the line is longer than ${LINE_CHARACTERS_MAX} characters`);
      yield* parts;
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      throw new TraceError(file, number, 'the gzip data is damaged or cut short', { cause: error });
    }
    throw error;
  } finally {
    raw.destroy();
  }
  yield rest;
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws TraceError with what is wrong with the line */
export function parseLine(text: string, file: string, line: number): TraceLine {
  const bad = (problem: string): never => {
    throw new TraceError(file, line, problem);
  };
  let fields: Fields;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return bad('not a JSON object');
    fields = parsed as Fields;
  } catch (error) {
    if (error instanceof TraceError) throw error;
    return bad('not JSON');
  }
  const integer = (name: string, max: number): number => {
    const value = fields[name];
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
    return bad(`\`${name}\` must be an integer from 0 to ${max}`);
  };
  const timeUs = typeof fields['t'] === 'number' && fields['t'] >= 0 ? Math.floor(fields['t']) : 0;
  const bdf = typeof fields['bdf'] === 'string' ? fields['bdf'] : undefined;
  switch (fields['k']) {
    case 'r':
    case 'w': {
      const width = integer('s', 8);
      if (width !== 1 && width !== 2 && width !== 4 && width !== 8) return bad('`s` must be 1, 2, 4 or 8');
      const bar = fields['bar'];
      const absolute = bar === undefined || bar === -1;
      if (!absolute && !(typeof bar === 'number' && Number.isInteger(bar) && bar >= 0 && bar <= 6))
        return bad('`bar` must be from 0 to 6');
      return {
        kind: fields['k'] === 'r' ? 'read' : 'write',
        line,
        timeUs,
        bar: absolute ? undefined : bar,
        offset: integer(absolute && fields['a'] !== undefined ? 'a' : 'o', Number.MAX_SAFE_INTEGER),
        width,
        value: valueOf(fields['v'], width, bad),
        bdf,
        seenByDevice: typeof fields['rg'] === 'string',
      };
    }
    case 'cr':
    case 'cw': {
      const size = fields['s'];
      if (size !== undefined && size !== 1 && size !== 2 && size !== 4) return bad('`s` must be 1, 2 or 4');
      return {
        kind: fields['k'] === 'cr' ? 'config-read' : 'config-write',
        line,
        timeUs,
        offset: integer('o', 4095),
        width: size,
        value: valueOf(fields['v'], size ?? 4, bad),
        bdf,
      };
    }
    case 'dma': {
      const hex = fields['hex'];
      if (hex === '-') return { kind: 'other', line, name: 'dma' }; // the recorder could not read it
      if (typeof hex !== 'string' || hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex))
        return bad('`hex` must be bytes in hexadecimal');
      const address = integer('a', 2 ** 52 - 1);
      const what = typeof fields['what'] === 'string' ? fields['what'] : '';
      return { kind: 'dma', line, timeUs, what, address, bytes: Uint8Array.from(Buffer.from(hex, 'hex')) };
    }
    default:
      if (typeof fields['k'] !== 'string') return bad('`k` must name the kind of the line');
      return { kind: 'other', line, name: fields['k'] };
  }
}

/** A number, or a hexadecimal string above 52 bits; must fit the access. */
function valueOf(value: unknown, width: number, bad: (problem: string) => never): bigint {
  let exact: bigint | undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) exact = BigInt(value);
  else if (typeof value === 'string' && /^(0x)?[0-9a-fA-F]{1,16}$/.test(value))
    exact = BigInt(value.startsWith('0x') ? value : `0x${value}`);
  if (exact === undefined) return bad('`v` must be an unsigned integer, or a hexadecimal string');
  if (exact >= 1n << BigInt(8 * width)) return bad(`\`v\` does not fit ${width} bytes`);
  return exact;
}
