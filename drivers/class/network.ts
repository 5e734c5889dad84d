/**
 * The network class: what every network driver is told and what it tells, whatever its card.
 *
 * All frames are Ethernet frames without preamble and without CRC, from 14 to 1514 bytes (no VLAN tag); the driver pads
 * short ones to 60 with zeros. Messages are plain data, one object each. `network-conformance.ts` checks a driver against
 * this page.
 */
import type { DriverMessage } from '../../kernel/abi.ts';

/** An Ethernet header: less is not a frame. */
export const FRAME_HEADER_BYTES = 14;
/** Without CRC; shorter frames are padded to this. */
export const FRAME_PADDED_BYTES = 60;
export const FRAME_MAX_BYTES = 1514;

/** To the driver: send this frame. Answered by `transmitted` once the card has sent it, or by `full` if it was refused. */
export interface TransmitMessage extends DriverMessage {
  readonly kind: 'transmit';
  readonly frame: Uint8Array;
}

/** To the driver: bring the card back from scratch. Frames under way are lost. Answered by `up`. */
export interface ResetMessage extends DriverMessage {
  readonly kind: 'reset';
}

/** From the driver: the link is up and frames flow. `mac` is lower-case hexadecimal with colons. */
export interface UpMessage extends DriverMessage {
  readonly kind: 'up';
  readonly mac: string;
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

export type ToNetworkDriver = TransmitMessage | ResetMessage;
export type FromNetworkDriver = UpMessage | ReceiveMessage | TransmittedMessage | FullMessage;

/** `52:54:00:12:34:56`. */
export function formatMac(address: Uint8Array): string {
  return Array.from(address, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
