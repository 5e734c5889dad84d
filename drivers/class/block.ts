/**
 * The block class: what every disk driver is told and what it tells, whatever its controller and its bus.
 *
 * A disk is a row of sectors of `sectorBytes` bytes, numbered from 0. Requests carry a tag of the caller's choice, an
 * integer from 0 to 2^32 - 1; the driver never looks at it but to put it into the answer. Every request is answered exactly
 * once, in any order: requests under way at the same time may be carried out in any order too. A request whose fields have
 * the wrong type is no request, and is ignored; one that cannot be carried out is answered with `error`.
 * `block-conformance.ts` checks a driver against this page.
 */
import type { DriverMessage } from '../../kernel/abi.ts';

/** What one `read` or `write` may move: 256 sectors of 512 bytes, the most that ATA's first commands could. */
export const TRANSFER_MAX_BYTES = 128 * 1024;
/** Requests that a driver takes before it may answer the next with `busy`. */
export const REQUESTS_MAX = 16;
export const TAG_MAX = 0xffff_ffff;

/** To the driver: read `count` sectors from `sector` on. Answered by `data`. */
export interface ReadMessage extends DriverMessage {
  readonly kind: 'read';
  readonly tag: number;
  readonly sector: number;
  readonly count: number;
}

/** To the driver: write whole sectors from `sector` on. Answered by `written`, which a power failure may still undo. */
export interface WriteMessage extends DriverMessage {
  readonly kind: 'write';
  readonly tag: number;
  readonly sector: number;
  readonly bytes: Uint8Array;
}

/** To the driver: let every write that was answered reach the medium for good. Answered by `flushed`. */
export interface FlushMessage extends DriverMessage {
  readonly kind: 'flush';
  readonly tag: number;
}

/** To the driver: bring the disk back from scratch. What is under way is answered with `reset`; then comes `up`. */
export interface ResetMessage extends DriverMessage {
  readonly kind: 'reset';
}

/** From the driver: the disk takes requests, and this is how large it is. */
export interface UpMessage extends DriverMessage {
  readonly kind: 'up';
  readonly sectors: number;
  readonly sectorBytes: number;
}

/** From the driver: what a `read` found. A private copy. */
export interface DataMessage extends DriverMessage {
  readonly kind: 'data';
  readonly tag: number;
  readonly bytes: Uint8Array;
}

export interface WrittenMessage extends DriverMessage {
  readonly kind: 'written';
  readonly tag: number;
}

export interface FlushedMessage extends DriverMessage {
  readonly kind: 'flushed';
  readonly tag: number;
}

/**
 * Why a request was not carried out. A failed `write` may have changed any of its sectors, and no others.
 *  - `range`: beyond the end of the disk, no sectors, a part of a sector, or more than `TRANSFER_MAX_BYTES`
 *  - `busy`: more than `REQUESTS_MAX` are under way, or the disk is not up; try again
 *  - `device`: the disk says that it failed
 *  - `timeout`: the disk said nothing, and was reset
 *  - `reset`: the disk was reset while the request was under way
 */
export type BlockError = 'range' | 'busy' | 'device' | 'timeout' | 'reset';

export interface ErrorMessage extends DriverMessage {
  readonly kind: 'error';
  readonly tag: number;
  readonly what: BlockError;
}

export type ToBlockDriver = ReadMessage | WriteMessage | FlushMessage | ResetMessage;
export type FromBlockDriver = UpMessage | DataMessage | WrittenMessage | FlushedMessage | ErrorMessage;

/** A `read`, `write` or `flush` whose fields have the right types; its range is not judged yet. */
export type BlockRequest = ReadMessage | WriteMessage | FlushMessage;

/** The request in a message from outside, or undefined if it is none. */
export function blockRequest(message: DriverMessage): BlockRequest | undefined {
  const { kind, tag, sector, count, bytes } = message;
  if (!isWhole(tag) || tag > TAG_MAX) return undefined;
  if (kind === 'flush') return { kind, tag };
  if (!isWhole(sector)) return undefined;
  if (kind === 'read') return isWhole(count) ? { kind, tag, sector, count } : undefined;
  return kind === 'write' && bytes instanceof Uint8Array ? { kind, tag, sector, bytes } : undefined;
}

/** Whether a disk of `sectors` sectors can carry this out: whole sectors, at least one, within the limit and the disk. */
export function isInRange(request: ReadMessage | WriteMessage, sectors: number, sectorBytes: number): boolean {
  const count = request.kind === 'read' ? request.count : request.bytes.length / sectorBytes;
  const fits = Number.isInteger(count) && count >= 1 && count * sectorBytes <= TRANSFER_MAX_BYTES;
  return fits && request.sector < sectors && count <= sectors - request.sector;
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
