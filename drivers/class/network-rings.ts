/**
 * What the drivers of network cards with two descriptor rings do alike: each descriptor has a buffer of its own, and the
 * messages of the class are judged once, here, before the card's driver hears of them.
 *
 * Neither side is believed: a message may be anything, and what a card says of a frame counts only within its buffer. No
 * register is touched here; what a descriptor looks like, and whose it is when, each driver knows for its own card.
 */
import type { DeviceIo, DmaRegion, DriverMessage } from '../../kernel/abi.ts';
import {
  checksumOf,
  FRAME_HEADER_BYTES,
  FRAME_PADDED_BYTES,
  frameMaxBytes,
  multicastOf,
  vlansOf,
  type NetworkFeature,
  type TransmitMessage,
} from './network.ts';

export interface RingSizes {
  /** Descriptors in each ring. */
  readonly count: number;
  readonly descriptorBytes: number;
  readonly bufferBytes: number;
}

/** The DMA memory of one card. */
export interface Rings extends RingSizes {
  readonly txRing: DmaRegion;
  readonly txBuffers: DmaRegion;
  readonly rxRing: DmaRegion;
  readonly rxBuffers: DmaRegion;
}

/** @param pools of the specification that the rings shall belong to, where it has any */
export function allocateRings(
  io: DeviceIo,
  sizes: RingSizes,
  pools?: { readonly transmit: string; readonly receive: string },
): Rings {
  const ringBytes = sizes.count * sizes.descriptorBytes;
  const bufferBytes = sizes.count * sizes.bufferBytes;
  return {
    ...sizes,
    txRing: io.allocate(ringBytes, 'commands', pools?.transmit),
    txBuffers: io.allocate(bufferBytes, 'device-reads'),
    rxRing: io.allocate(ringBytes, 'commands', pools?.receive),
    rxBuffers: io.allocate(bufferBytes, 'device-writes'),
  };
}

/** Passes on the frame that the card says lies in receive buffer `index`, if one of this length can. */
export function deliver(io: DeviceIo, rings: Rings, index: number, length: number): void {
  if (length < FRAME_HEADER_BYTES || length > rings.bufferBytes) return;
  const frame = rings.rxBuffers.copyOut(index * rings.bufferBytes, length);
  if (length <= frameMaxBytes(frame)) io.send({ kind: 'receive', frame });
}

export type Checksum = NonNullable<TransmitMessage['checksum']>;

/** What a card is asked to do, by messages that made sense. What is missing here it cannot do. */
export interface NetworkCard {
  readonly features: readonly NetworkFeature[];
  /** @param frame at least `FRAME_PADDED_BYTES` long @param checksum only with that feature */
  transmit(frame: Uint8Array, checksum: Checksum | undefined): void;
  reset(): void;
  receiveMulticast?(addresses: readonly Uint8Array[]): void;
  receiveVlans?(ids: readonly number[]): void;
  /** The answer. */
  statistics?(): DriverMessage;
}

/** The driver's `message` entry. What makes no sense is logged and ignored; what the card cannot do is ignored. */
export function networkMessages(io: DeviceIo, card: NetworkCard): (message: DriverMessage) => void {
  function transmit(frame: unknown, asked: unknown): void {
    if (!(frame instanceof Uint8Array) || frame.length < FRAME_HEADER_BYTES || frame.length > frameMaxBytes(frame))
      return io.log('not an Ethernet frame; ignored');
    const isAsked = asked !== undefined && card.features.includes('checksum');
    const checksum = isAsked ? checksumOf(asked, frame.length) : undefined;
    if (isAsked && checksum === undefined) return io.log('no such checksum; ignored');
    card.transmit(padded(frame), checksum);
  }
  return (message) => {
    switch (message.kind) {
      case 'transmit':
        return transmit(message['frame'], message['checksum']);
      case 'reset':
        return card.reset();
      case 'multicast': {
        if (card.receiveMulticast === undefined) return;
        const addresses = multicastOf(message['addresses']);
        return addresses === undefined ? io.log('no multicast addresses; ignored') : card.receiveMulticast(addresses);
      }
      case 'vlans': {
        if (card.receiveVlans === undefined) return;
        const ids = vlansOf(message['ids']);
        return ids === undefined ? io.log('no VLANs; ignored') : card.receiveVlans(ids);
      }
      case 'statistics':
        if (card.statistics !== undefined) io.send(card.statistics());
    }
  };
}

function padded(frame: Uint8Array): Uint8Array {
  if (frame.length >= FRAME_PADDED_BYTES) return frame;
  const longer = new Uint8Array(FRAME_PADDED_BYTES);
  longer.set(frame);
  return longer;
}
