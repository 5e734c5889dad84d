/**
 * The network class: what every network driver is told and what it tells, whatever its card.
 *
 * All frames are Ethernet frames without preamble and without CRC, from 14 to 1514 bytes, or 1518 with a VLAN tag (802.1Q);
 * the driver pads short ones to 60 with zeros. Messages are plain data, one object each. What only some cards can do is a
 * feature, which `up` names; a message about a feature that the driver did not name is ignored.
 * `network-conformance.ts` checks a driver against this page.
 */
import type { DriverMessage } from '../../kernel/abi.ts';

/** An Ethernet header: less is not a frame. */
export const FRAME_HEADER_BYTES = 14;
/** Without CRC; shorter frames are padded to this. */
export const FRAME_PADDED_BYTES = 60;
export const FRAME_MAX_BYTES = 1514;
/** The four bytes between addresses and type that say which virtual LAN a frame belongs to. */
export const VLAN_TAG_BYTES = 4;
/** Multicast addresses that a driver takes. */
export const MULTICAST_MAX = 64;
/** A tag names one of so many virtual LANs. */
export const VLANS_MAX = 4096;
const CHECKSUM_OFFSET_MAX = 255;

/**
 * What a card may be able to do besides:
 *  - `checksum`: compute an Internet checksum while it sends (`TransmitMessage.checksum`)
 *  - `multicast`: receive frames to chosen multicast addresses
 *  - `vlan`: receive, of tagged frames, only those of chosen VLANs
 *  - `statistics`: count
 */
export type NetworkFeature = 'checksum' | 'multicast' | 'vlan' | 'statistics';

/** To the driver: send this frame. Answered by `transmitted` once the card has sent it, or by `full` if it was refused. */
export interface TransmitMessage extends DriverMessage {
  readonly kind: 'transmit';
  readonly frame: Uint8Array;
  /**
   * Have the card put the Internet checksum of everything from `start` on at `place`, both below 256. What stands there
   * before is part of the sum: the place for a pseudo header's.
   */
  readonly checksum?: { readonly start: number; readonly place: number };
}

/** To the driver: receive frames to these addresses too, in place of the last ones named. Cards filter coarsely: others may come. */
export interface MulticastMessage extends DriverMessage {
  readonly kind: 'multicast';
  /** As in `UpMessage.mac`, at most `MULTICAST_MAX`. */
  readonly addresses: readonly string[];
}

/** To the driver: of tagged frames receive only those of these VLANs; with none named, all, as at the beginning. */
export interface VlansMessage extends DriverMessage {
  readonly kind: 'vlans';
  /** 0 to 4095. */
  readonly ids: readonly number[];
}

/** To the driver: what has the card counted? Answered by `statistics`. */
export interface AskStatisticsMessage extends DriverMessage {
  readonly kind: 'statistics';
}

/** To the driver: bring the card back from scratch. Frames under way are lost. Answered by `up`. */
export interface ResetMessage extends DriverMessage {
  readonly kind: 'reset';
}

/** From the driver: the link is up and frames flow. `mac` is lower-case hexadecimal with colons. */
export interface UpMessage extends DriverMessage {
  readonly kind: 'up';
  readonly mac: string;
  readonly features: readonly NetworkFeature[];
}

/** From the driver: frames since the driver began, as the card counted them. `missed` had no room. */
export interface StatisticsMessage extends DriverMessage {
  readonly kind: 'statistics';
  readonly sent: number;
  readonly received: number;
  readonly receivedMulticast: number;
  readonly missed: number;
}

/** From the driver: a frame arrived. A private copy, without CRC. */
export interface ReceiveMessage extends DriverMessage {
  readonly kind: 'receive';
  readonly frame: Uint8Array;
}

/** From the driver: the card has sent `count` more frames, in the order they were given. */
export interface TransmittedMessage extends DriverMessage {
  readonly kind: 'transmitted';
  readonly count: number;
}

/** From the driver: there was no room for the last `transmit`; that frame is not sent. Try again after `transmitted`. */
export interface FullMessage extends DriverMessage {
  readonly kind: 'full';
}

export type ToNetworkDriver = TransmitMessage | ResetMessage | MulticastMessage | VlansMessage | AskStatisticsMessage;
export type FromNetworkDriver = UpMessage | ReceiveMessage | TransmittedMessage | FullMessage | StatisticsMessage;

/** `52:54:00:12:34:56`. */
export function formatMac(address: Uint8Array): string {
  return Array.from(address, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The six bytes of what `formatMac` writes; undefined for anything else. */
export function parseMac(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** The most that a frame may have: four more with a tag. */
export function frameMaxBytes(frame: Uint8Array): number {
  return frame[12] === 0x81 && frame[13] === 0x00 ? FRAME_MAX_BYTES + VLAN_TAG_BYTES : FRAME_MAX_BYTES;
}

/** The addresses of a `multicast` message; undefined if it is none. */
export function multicastOf(addresses: unknown): readonly Uint8Array[] | undefined {
  if (!Array.isArray(addresses) || addresses.length > MULTICAST_MAX) return undefined;
  const parsed = addresses.map(parseMac);
  return parsed.every((address) => address !== undefined && ((address[0] ?? 0) & 1) === 1)
    ? (parsed as Uint8Array[])
    : undefined;
}

/** The tags of a `vlans` message; undefined if it is none. */
export function vlansOf(ids: unknown): readonly number[] | undefined {
  if (!Array.isArray(ids) || ids.length > VLANS_MAX) return undefined;
  const isTag = (id: unknown): boolean => typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < VLANS_MAX;
  return ids.every(isTag) ? (ids as number[]) : undefined;
}

/** The `checksum` of a `transmit`; undefined if it makes no sense for a frame of this length. */
export function checksumOf(checksum: unknown, length: number): TransmitMessage['checksum'] {
  const { start, place } = (checksum ?? {}) as { start?: unknown; place?: unknown };
  const fits = (offset: unknown): offset is number =>
    typeof offset === 'number' && Number.isInteger(offset) && offset >= 0 && offset <= CHECKSUM_OFFSET_MAX;
  return fits(start) && fits(place) && start < length && place + 2 <= length ? { start, place } : undefined;
}
