/**
 * Conversations on the bus, as coroutines: a driver never blocks, so whoever wants something from a device yields what it
 * waits for, and is resumed by an interrupt or the timer (`driver.ts`).
 *
 * Here: control and bulk transfers over the schedule's one general queue. What goes wrong is thrown as `BusError`; whoever
 * throws one has first made the schedule stand still, so the next transfer begins on clean ground.
 */
import type { DeviceIo, DmaRegion } from '../../kernel/abi.ts';
import * as r from './registers.ts';
import { TRANSFER_PACKETS_MAX, type Packet, type Progress } from './schedule.ts';
import { DIRECTION_IN, SETUP_BYTES, setupBytes, type SetupPacket } from './usb.ts';

/** What a task waits for. A transfer is resumed with how it went, or with nothing when its time is over. */
export type Wait =
  | { readonly kind: 'delay'; readonly us: number }
  | { readonly kind: 'transfer'; readonly packets: readonly Packet[]; readonly us: number }
  | { readonly kind: 'still' }
  | { readonly kind: 'request' };
export type Task<T> = Generator<Wait, T, Progress | undefined>;

export class BusError extends Error {
  readonly what: 'stalled' | 'failed' | 'timeout';
  constructor(what: 'stalled' | 'failed' | 'timeout') {
    super(`a transfer ${what === 'timeout' ? 'took too long' : what}`);
    this.name = 'BusError';
    this.what = what;
  }
}

/** The longest that a device may say "not yet" to one transfer. */
const TRANSFER_US = 3_000_000;

/** Memory for what goes over the bus, in one region that the controller may read and write. */
export interface Buffers {
  readonly region: DmaRegion;
  readonly setup: number;
  readonly control: number;
  readonly wrapper: number;
  readonly report: number;
  readonly data: number;
}

export const CONTROL_BYTES_MAX = 1024;

export function allocateBuffers(io: DeviceIo, dataBytes: number): Buffers {
  const region = io.allocate(2048 + dataBytes, 'device-reads-writes');
  return { region, setup: 0, control: 64, wrapper: 1152, report: 1280, data: 2048 };
}

/** One direction of a pipe to a device: packets alternate. */
export interface Pipe {
  readonly device: number;
  readonly endpoint: number;
  readonly in: boolean;
  readonly packetBytes: number;
  toggle: 0 | 1;
}

export function* delay(us: number): Task<void> {
  yield { kind: 'delay', us };
}

/** Carries out one transfer of at most as many packets as the schedule holds. */
function* transfer(packets: readonly Packet[]): Task<Progress> {
  const went = yield { kind: 'transfer', packets, us: TRANSFER_US };
  if (went?.state === 'done') return went;
  yield { kind: 'still' };
  if (went?.state === 'short') return went;
  throw new BusError(went === undefined || went.state === 'going' ? 'timeout' : went.state);
}

/**
 * A control transfer (USB 1.1, 5.5). @param data what goes out, if anything does
 * @returns what came in, at most as much as was asked for
 */
export function* control(
  { region, setup, control: at }: Buffers,
  device: number,
  packetBytes: number,
  request: SetupPacket,
  data?: Uint8Array,
): Task<Uint8Array> {
  const from = (request.requestType & DIRECTION_IN) !== 0;
  region.copyIn(setup, setupBytes(request));
  if (data !== undefined) region.copyIn(at, data);
  const of = { device, endpoint: 0 };
  const packets: Packet[] = [
    { ...of, pid: r.PID_SETUP, toggle: 0, address: region.address + setup, bytes: SETUP_BYTES },
  ];
  for (let done = 0; done < request.length; done += packetBytes) {
    packets.push({
      ...of,
      pid: from ? r.PID_IN : r.PID_OUT,
      toggle: packets.length % 2 === 0 ? 0 : 1,
      address: region.address + at + done,
      bytes: Math.min(packetBytes, request.length - done),
    });
  }
  const dataPackets = packets.length - 1;
  packets.push({ ...of, pid: from && request.length > 0 ? r.PID_OUT : r.PID_IN, toggle: 1, address: 0, bytes: 0 });
  const { actual } = yield* transfer(packets);
  const bytes = actual.slice(1, 1 + dataPackets).reduce((sum, each) => sum + each, 0);
  return from ? region.copyOut(at, bytes) : new Uint8Array(0);
}

/** Moves `bytes` bytes through a bulk pipe. @returns how many really moved: less if the device said that this was all */
export function* bulk({ region }: Buffers, pipe: Pipe, at: number, bytes: number): Task<number> {
  let moved = 0;
  while (moved < bytes) {
    const packets: Packet[] = [];
    for (let done = moved; done < bytes && packets.length < TRANSFER_PACKETS_MAX; done += pipe.packetBytes) {
      packets.push({
        pid: pipe.in ? r.PID_IN : r.PID_OUT,
        device: pipe.device,
        endpoint: pipe.endpoint,
        toggle: ((pipe.toggle + packets.length) % 2) as 0 | 1,
        address: region.address + at + done,
        bytes: Math.min(pipe.packetBytes, bytes - done),
      });
    }
    const { state, actual } = yield* transfer(packets);
    pipe.toggle = ((pipe.toggle + actual.length) % 2) as 0 | 1;
    const sum = actual.reduce((total, each) => total + each, 0);
    moved += sum;
    const asked = packets.reduce((total, each) => total + each.bytes, 0);
    if (state === 'short' || sum < asked) return moved;
  }
  return moved;
}
