/**
 * The schedule of the UHCI driver: one queue for the mouse, one for everything else, in pools of command memory.
 *
 * Every eighth frame begins with the mouse's queue and goes on with the other; the rest begin with the other. An active
 * descriptor is the controller's: it is laid once, and not touched until the controller clears ACTIVE. What the controller
 * will never come to (behind a stall or a short packet) can only be taken back while the schedule stands still.
 * No registers are touched here.
 */
import type { DeviceIo, DmaRegion } from '../../kernel/abi.ts';
import * as r from './registers.ts';

/** Descriptors for one transfer; longer ones are made of several. */
export const TRANSFER_PACKETS_MAX = 128;
const MOUSE_EVERY = 8;
const MOUSE_QUEUE = 0;
const QUEUE = r.QUEUE_HEAD_BYTES;

export interface Schedule {
  readonly frames: DmaRegion;
  readonly queues: DmaRegion;
  /** The first is the mouse's. */
  readonly descriptors: DmaRegion;
}

export interface Packet {
  readonly pid: number;
  readonly device: number;
  readonly endpoint: number;
  readonly toggle: 0 | 1;
  readonly address: number;
  readonly bytes: number;
}

export function allocateSchedule(io: DeviceIo): Schedule {
  return {
    frames: io.allocate(r.FRAMES * 4, 'commands', 'frame'),
    queues: io.allocate(2 * r.QUEUE_HEAD_BYTES, 'commands', 'qh'),
    descriptors: io.allocate((1 + TRANSFER_PACKETS_MAX) * r.DESCRIPTOR_BYTES, 'commands', 'td'),
  };
}

/** Takes back every descriptor and links the queues. Only while the schedule stands still. */
export function layOut({ frames, queues, descriptors }: Schedule): void {
  descriptors.copyIn(0, new Uint8Array(new Uint32Array(descriptors.sizeBytes / 4).fill(r.LINK_END).buffer));
  const [mouse, other] = [queues.address, queues.address + QUEUE].map((place) => (place | r.LINK_QUEUE) >>> 0);
  queues.copyIn(0, words([other ?? 0, r.LINK_END, 0, 0, r.LINK_END, r.LINK_END, 0, 0]));
  const links = Array.from({ length: r.FRAMES }, (_, frame) => (frame % MOUSE_EVERY === 0 ? mouse : other) ?? 0);
  frames.copyIn(0, words(links));
}

const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

const lengthField = (bytes: number): number => (bytes === 0 ? r.LENGTH_NONE : bytes - 1);

function descriptor(packet: Packet, link: number, status: number): readonly number[] {
  const { pid, device, endpoint, toggle, address, bytes } = packet;
  const errors = r.TD_ERRORS_MAX << r.TD_ERRORS_SHIFT;
  const token =
    (pid |
      (device << r.TOKEN_ADDRESS_SHIFT) |
      (endpoint << r.TOKEN_ENDPOINT_SHIFT) |
      (toggle === 1 ? r.TOKEN_TOGGLE : 0) |
      (lengthField(bytes) << r.TOKEN_LENGTH_SHIFT)) >>>
    0;
  return [link, (r.TD_ACTIVE | errors | status) >>> 0, token, address];
}

/** Lays the packets one behind the other and hands them to the controller; the last one interrupts. */
export function submit({ queues, descriptors }: Schedule, packets: readonly Packet[]): void {
  const place = (index: number): number => descriptors.address + (1 + index) * r.DESCRIPTOR_BYTES;
  const all = packets.flatMap((packet, index) => {
    const last = index === packets.length - 1;
    const link = last ? r.LINK_END : (place(index + 1) | r.LINK_DEPTH) >>> 0;
    const short = packet.pid === r.PID_IN ? r.TD_SHORT : 0;
    return descriptor(packet, link, (last ? r.TD_IOC : 0) | short);
  });
  descriptors.copyIn(r.DESCRIPTOR_BYTES, words(all));
  queues.write32(QUEUE + 4, place(0));
}

const BROKEN = r.TD_BABBLE | r.TD_TIMEOUT | r.TD_BUFFER_ERROR | r.TD_BITSTUFF;

/** Given up: 3.2.2 says STALLED; QEMU leaves it out where nobody answers, and only uses up the errors. */
function hasFailed(status: number): boolean {
  const errorsLeft = (status >>> r.TD_ERRORS_SHIFT) & r.TD_ERRORS_MAX;
  return (status & r.TD_STALLED) !== 0 || ((status & BROKEN) !== 0 && errorsLeft === 0);
}

/** How far a transfer has come. `actual` counts the bytes of all packets that are done. */
export interface Progress {
  readonly state: 'going' | 'done' | 'short' | 'stalled' | 'failed';
  readonly actual: readonly number[];
}

export function progress({ descriptors }: Schedule, packets: readonly Packet[]): Progress {
  const bytes = descriptors.copyOut(r.DESCRIPTOR_BYTES, packets.length * r.DESCRIPTOR_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const actual: number[] = [];
  for (const [index, packet] of packets.entries()) {
    const status = view.getUint32(index * r.DESCRIPTOR_BYTES + 4, true);
    if ((status & r.TD_ACTIVE) !== 0) return { state: 'going', actual };
    if (hasFailed(status)) return { state: (status & BROKEN) === 0 ? 'stalled' : 'failed', actual };
    const moved = ((status & r.TD_ACTUAL) + 1) & r.TD_ACTUAL;
    // A device may say anything; more than was asked for is nothing that the controller can have moved.
    actual.push(Math.min(moved, packet.bytes));
    if (packet.pid === r.PID_IN && moved < packet.bytes && index < packets.length - 1)
      return { state: 'short', actual };
  }
  return { state: 'done', actual };
}

/** Asks the mouse once more. */
export function askMouse({ queues, descriptors }: Schedule, packet: Packet): void {
  descriptors.copyIn(0, words(descriptor(packet, r.LINK_END, r.TD_IOC)));
  queues.write32(MOUSE_QUEUE + 4, descriptors.address);
}

/** What became of the question; undefined while the mouse has not answered. */
export function mouseAnswer({
  descriptors,
}: Schedule): { readonly bytes: number; readonly failed: boolean } | undefined {
  const status = descriptors.read32(4);
  if ((status & r.TD_ACTIVE) !== 0) return undefined;
  return { bytes: ((status & r.TD_ACTUAL) + 1) & r.TD_ACTUAL, failed: hasFailed(status) };
}
