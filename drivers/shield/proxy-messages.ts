/**
 * The messages between QEMU's `x-pci-proxy-dev` and whoever has the device: bytes in, checked requests out.
 *
 * The protocol is private to QEMU ("multi-process QEMU", experimental), so a version is trusted to speak it only once it
 * has been tested (`TESTED_QEMU`). Little-endian; a header of 16 bytes: i32 command, 4 bytes of padding, u64 size of the
 * payload. The guest's processor waits for each answer, so there is at most one request under way. QEMU runs on behalf
 * of a hostile guest: every length is checked before a byte is kept, and nothing longer than `PAYLOAD_MAX_BYTES` is.
 */
import { ShieldError } from './errors.ts';

/** The series of QEMU with which the tests run. */
export const TESTED_QEMU = ['7.2'] as const;

export type ProxyRequest =
  | { readonly kind: 'config-read'; readonly offset: number; readonly width: 1 | 2 | 4 }
  | { readonly kind: 'config-write'; readonly offset: number; readonly width: 1 | 2 | 4; readonly value: number }
  | { readonly kind: 'read'; readonly memory: boolean; readonly address: number; readonly width: 1 | 2 | 4 | 8 }
  | {
      readonly kind: 'write';
      readonly memory: boolean;
      readonly address: number;
      readonly width: 1 | 2 | 4 | 8;
      readonly value: bigint;
    }
  | { readonly kind: 'reset' };

const HEADER_BYTES = 16;
const RETURN = 1;
/** The table of the guest's memory is the longest, 192 bytes. */
export const PAYLOAD_MAX_BYTES = 256;
const CONFIG_BYTES = 256;

/** Payload size in bytes by command; undefined: any, not answered (memory table and interrupt descriptors: not for us). */
const PAYLOADS: ReadonlyMap<number, { readonly kind: ProxyRequest['kind'] | 'ignored'; readonly bytes?: number }> =
  new Map([
    [0, { kind: 'ignored' }],
    [2, { kind: 'config-write', bytes: 12 }],
    [3, { kind: 'config-read', bytes: 12 }],
    [4, { kind: 'write', bytes: 24 }],
    [5, { kind: 'read', bytes: 24 }],
    [6, { kind: 'ignored' }],
    [7, { kind: 'reset', bytes: 0 }],
  ]);

function bad(what: string): ShieldError {
  return new ShieldError('PROXY_PROTOCOL', `the guest's QEMU sent a message that is not its proxy protocol: ${what}`);
}

/** The answer to a request. For configuration accesses all ones would mean failure, hence the value is zero-extended. */
export function encodeReturn(value: bigint): Uint8Array {
  const buffer = Buffer.alloc(HEADER_BYTES + 8);
  buffer.writeInt32LE(RETURN, 0);
  buffer.writeBigUInt64LE(8n, 8);
  buffer.writeBigUInt64LE(value, HEADER_BYTES);
  return buffer;
}

/** Cuts a stream into requests, wherever its chunks end. */
export interface ProxyReader {
  /** The requests that `chunk` completes. @throws ShieldError PROXY_PROTOCOL; the stream cannot be read any further */
  push(chunk: Buffer): readonly ProxyRequest[];
}

export function createProxyReader(): ProxyReader {
  let rest: Buffer = Buffer.alloc(0);
  return {
    push: (chunk) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const requests: ProxyRequest[] = [];
      let at = 0;
      while (rest.length - at >= HEADER_BYTES) {
        const command = rest.readInt32LE(at);
        const size = rest.readBigUInt64LE(at + 8);
        const known = PAYLOADS.get(command);
        if (known === undefined) throw bad(`command ${command}`);
        if (size > PAYLOAD_MAX_BYTES || (known.bytes !== undefined && size !== BigInt(known.bytes))) {
          throw bad(`command ${command} with ${size} bytes`);
        }
        const end = at + HEADER_BYTES + Number(size);
        if (rest.length < end) break;
        if (known.kind !== 'ignored') requests.push(decode(known.kind, rest.subarray(at + HEADER_BYTES, end)));
        at = end;
      }
      rest = rest.subarray(at);
      return requests;
    },
  };
}

function decode(kind: ProxyRequest['kind'], payload: Buffer): ProxyRequest {
  if (kind === 'reset') return { kind };
  if (kind === 'config-read' || kind === 'config-write') {
    const offset = payload.readUInt32LE(0);
    const width = payload.readInt32LE(8);
    if (width !== 1 && width !== 2 && width !== 4) throw bad(`a configuration access of ${width} bytes`);
    if (offset + width > CONFIG_BYTES) throw bad(`a configuration access at ${offset}`);
    if (kind === 'config-read') return { kind, offset, width };
    return { kind, offset, width, value: (payload.readUInt32LE(4) & valueMask(width)) >>> 0 };
  }
  const address = payload.readBigUInt64LE(0);
  const width = payload.readUInt32LE(16);
  const memory = payload.readUInt8(20) !== 0;
  if (width !== 1 && width !== 2 && width !== 4 && width !== 8) throw bad(`an access of ${width} bytes`);
  if (address >= 1n << 52n) throw bad(`an access at 0x${address.toString(16)}`);
  if (kind === 'read') return { kind, memory, address: Number(address), width };
  const value = BigInt.asUintN(8 * width, payload.readBigUInt64LE(8));
  return { kind, memory, address: Number(address), width, value };
}

function valueMask(width: 1 | 2 | 4): number {
  return width === 1 ? 0xff : width === 2 ? 0xffff : 0xffff_ffff;
}
