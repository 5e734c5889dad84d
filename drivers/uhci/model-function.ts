/**
 * What every device on the bus does (USB 1.1, chapter 9), for the UHCI model: packets in, packets out, the control pipe.
 *
 * Like QEMU's devices these do not look at data toggles. Whatever a driver says, a packet has one answer and no effect
 * beyond the device's own state; what makes no sense stalls.
 */
import * as r from './registers.ts';
import { DATA_BYTES_MAX, type FunctionState } from './model-state.ts';
import * as usb from './usb.ts';

/** A device's answer: so many bytes moved, or "not yet", or a stall. */
export type Answer = number | 'nak' | 'stall';

/** What makes a device a mouse or a disk. */
export interface FunctionKind {
  readonly deviceDescriptor: Uint8Array;
  readonly configuration: Uint8Array;
  /** A class request. @returns the bytes to send, or undefined for a stall */
  classRequest(request: usb.SetupPacket): Uint8Array | undefined;
  /** A packet on an endpoint other than 0. IN: fills `bytes`. */
  packet(endpoint: number, from: boolean, bytes: Uint8Array): Answer;
  /** The port was reset, or the device configured anew. */
  reset(): void;
}

const IDLE = 0;
const SENDING = 1;
const RECEIVING = 2;
const STALLED = 3;

export function resetFunction({ fields, halted }: FunctionState, kind: FunctionKind): void {
  Object.assign(fields, { address: 0, configuration: 0, stage: IDLE, length: 0, offset: 0, newAddress: 0 });
  halted.fill(0);
  kind.reset();
}

/** One packet. @param bytes what goes out, or room for what comes in */
export function onPacket(
  state: FunctionState,
  kind: FunctionKind,
  pid: number,
  endpoint: number,
  bytes: Uint8Array,
): Answer {
  if (endpoint === 0) return onControl(state, kind, pid, bytes);
  if (pid === r.PID_SETUP || endpoint >= state.halted.length || state.fields.configuration === 0) return 'stall';
  if (state.halted[endpoint] === 1) return 'stall';
  const answer = kind.packet(endpoint, pid === r.PID_IN, bytes);
  if (answer === 'stall') state.halted[endpoint] = 1;
  return answer;
}

function onControl(state: FunctionState, kind: FunctionKind, pid: number, bytes: Uint8Array): Answer {
  const { fields, setup, data } = state;
  if (pid === r.PID_SETUP) {
    if (bytes.length !== usb.SETUP_BYTES) return 'stall';
    setup.set(bytes);
    return begin(state, kind) ? bytes.length : ((fields.stage = STALLED), bytes.length);
  }
  if (fields.stage === STALLED) return 'stall';
  const left = fields.length - fields.offset;
  if (pid === r.PID_IN && fields.stage === SENDING) {
    const count = Math.min(left, bytes.length);
    bytes.set(data.subarray(fields.offset, fields.offset + count));
    fields.offset += count;
    return count;
  }
  if (pid === r.PID_OUT && fields.stage === RECEIVING && left > 0) {
    fields.offset += Math.min(left, bytes.length);
    return bytes.length;
  }
  // The status stage: the other way round from the data.
  if (pid === (fields.stage === SENDING ? r.PID_OUT : r.PID_IN) && fields.stage !== IDLE) {
    if (fields.newAddress > 0) fields.address = fields.newAddress;
    fields.newAddress = 0;
    fields.stage = IDLE;
    return 0;
  }
  return 'stall';
}

/** The setup packet has come. @returns false for a request that stalls */
function begin(state: FunctionState, kind: FunctionKind): boolean {
  const { fields, data } = state;
  const request = usb.setupPacket(state.setup);
  fields.offset = 0;
  fields.newAddress = 0;
  if ((request.requestType & usb.DIRECTION_IN) === 0) {
    fields.stage = RECEIVING;
    fields.length = Math.min(request.length, DATA_BYTES_MAX);
    return request.length <= DATA_BYTES_MAX && receive(state, kind, request);
  }
  const answer = answerTo(state, kind, request);
  if (answer === undefined) return false;
  fields.stage = SENDING;
  fields.length = Math.min(answer.length, request.length);
  data.set(answer.subarray(0, fields.length));
  return true;
}

function answerTo(state: FunctionState, kind: FunctionKind, request: usb.SetupPacket): Uint8Array | undefined {
  if ((request.requestType & 0x60) !== 0) return kind.classRequest(request);
  switch (request.request) {
    case usb.GET_STATUS:
      return Uint8Array.of(
        request.requestType === (usb.DIRECTION_IN | usb.TO_ENDPOINT) ? haltOf(state, request) : 1,
        0,
      );
    case usb.GET_CONFIGURATION:
      return Uint8Array.of(state.fields.configuration);
    case usb.GET_DESCRIPTOR:
      if (request.value >> 8 === usb.DEVICE_DESCRIPTOR) return kind.deviceDescriptor;
      return request.value >> 8 === usb.CONFIGURATION_DESCRIPTOR ? kind.configuration : undefined;
    default:
      return undefined;
  }
}

const haltOf = (state: FunctionState, request: usb.SetupPacket): number => state.halted[request.index & 15] ?? 0;

function receive(state: FunctionState, kind: FunctionKind, request: usb.SetupPacket): boolean {
  if ((request.requestType & 0x60) !== 0) return kind.classRequest(request) !== undefined;
  const endpoint = request.index & 15;
  switch (request.request) {
    case usb.SET_ADDRESS:
      state.fields.newAddress = request.value & 127;
      return true;
    case usb.SET_CONFIGURATION:
      if (request.value > 1) return false;
      state.fields.configuration = request.value;
      state.halted.fill(0);
      return true;
    case usb.CLEAR_FEATURE:
    case usb.SET_FEATURE:
      if (request.requestType !== usb.TO_ENDPOINT || request.value !== usb.ENDPOINT_HALT) return false;
      if (endpoint < state.halted.length && endpoint > 0)
        state.halted[endpoint] = request.request === usb.SET_FEATURE ? 1 : 0;
      return true;
    default:
      return false;
  }
}

/** A device descriptor (9.6.1): USB 1.1, everything told by the interfaces. */
export function deviceDescriptor(vendor: number, product: number, packetBytes: number): Uint8Array {
  const ids = [vendor, vendor >> 8, product, product >> 8];
  return Uint8Array.of(
    usb.DEVICE_DESCRIPTOR_BYTES,
    usb.DEVICE_DESCRIPTOR,
    0x10,
    1,
    0,
    0,
    0,
    packetBytes,
    ...ids,
    0,
    0,
    0,
    0,
    0,
    1,
  );
}

/** A configuration with one interface. @param extra the class's own descriptors, behind the interface's */
export function configurationOf(
  of: { readonly class: number; readonly subclass: number; readonly protocol: number },
  extra: readonly number[],
  endpoints: readonly (readonly [address: number, type: number, bytes: number, interval: number])[],
): Uint8Array {
  const behind = [
    ...[9, usb.INTERFACE_DESCRIPTOR, 0, 0, endpoints.length, of.class, of.subclass, of.protocol, 0],
    ...extra,
    ...endpoints.flatMap(([address, type, bytes, interval]) => [
      7,
      usb.ENDPOINT_DESCRIPTOR,
      address,
      type,
      bytes & 255,
      bytes >> 8,
      interval,
    ]),
  ];
  const total = usb.CONFIGURATION_DESCRIPTOR_BYTES + behind.length;
  return Uint8Array.of(9, usb.CONFIGURATION_DESCRIPTOR, total & 255, total >> 8, 1, 1, 0, 0xa0, 50, ...behind);
}
