/**
 * Finding out what is plugged into a root port (USB 1.1, 9.1): reset, address, descriptors, configuration.
 *
 * Everything that a device says is an allegation: lengths are bounded by what was asked for, and an interface counts only
 * if it has the endpoints that its class needs.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import { CONTROL_BYTES_MAX, control, delay, type Buffers, type Pipe, type Task } from './bus.ts';
import * as r from './registers.ts';
import * as usb from './usb.ts';

/** 7.1.7.3: at least 10 ms of reset from a hub, 50 ms from a root port; 10 ms until the device need answer. */
const RESET_US = 50_000;
const RECOVERY_US = 12_000;
const FIRST_PACKET_BYTES = 8;
const PACKET_BYTES: readonly number[] = [8, 16, 32, 64];

/** A device with an address and a configuration. */
export interface UsbDevice {
  readonly address: number;
  /** Of its control pipe. */
  readonly packetBytes: number;
  readonly interfaces: readonly usb.UsbInterface[];
}

/** Resets the port and gives what is plugged in there an address. @returns undefined if nothing is, or it makes no sense */
export function* enumerate(io: DeviceIo, buffers: Buffers, port: number, address: number): Task<UsbDevice | undefined> {
  if ((io.read16(r.BAR_IO, port) & r.PORT_CONNECTED) === 0) return undefined;
  io.write16(r.BAR_IO, port, r.PORT_RESET);
  yield* delay(RESET_US);
  io.write16(r.BAR_IO, port, 0);
  yield* delay(1000);
  io.write16(r.BAR_IO, port, r.PORT_ENABLED | r.PORT_CONNECT_CHANGE | r.PORT_ENABLE_CHANGE);
  yield* delay(RECOVERY_US);
  // Speed is not asked for: low-speed devices need a bit in every descriptor, and neither class here has any in practice.
  if ((io.read16(r.BAR_IO, port) & (r.PORT_ENABLED | r.PORT_LOW_SPEED)) !== r.PORT_ENABLED) return undefined;

  const first = yield* control(buffers, 0, FIRST_PACKET_BYTES, describe(usb.DEVICE_DESCRIPTOR, FIRST_PACKET_BYTES));
  const packetBytes = first[7] ?? 0;
  if (first.length < FIRST_PACKET_BYTES || !PACKET_BYTES.includes(packetBytes)) return undefined;
  yield* control(buffers, 0, packetBytes, standard(usb.SET_ADDRESS, address));
  yield* delay(2000); // 9.2.6.3

  const head = yield* control(
    buffers,
    address,
    packetBytes,
    describe(usb.CONFIGURATION_DESCRIPTOR, usb.CONFIGURATION_DESCRIPTOR_BYTES),
  );
  const total = (head[2] ?? 0) | ((head[3] ?? 0) << 8);
  if (head.length < usb.CONFIGURATION_DESCRIPTOR_BYTES || total < head.length || total > CONTROL_BYTES_MAX)
    return undefined;
  const whole = yield* control(buffers, address, packetBytes, describe(usb.CONFIGURATION_DESCRIPTOR, total));
  yield* control(buffers, address, packetBytes, standard(usb.SET_CONFIGURATION, whole[5] ?? 0));
  return { address, packetBytes, interfaces: usb.interfacesOf(whole) };
}

function standard(request: number, value: number): usb.SetupPacket {
  return { requestType: usb.TO_DEVICE, request, value, index: 0, length: 0 };
}

function describe(type: number, length: number): usb.SetupPacket {
  return { requestType: usb.DIRECTION_IN, request: usb.GET_DESCRIPTOR, value: type << 8, index: 0, length };
}

/** The device's first endpoint of that kind in an interface of that class, as a pipe. */
export function pipeOf(
  device: UsbDevice,
  found: usb.UsbInterface,
  want: { readonly in: boolean; readonly type: number },
): Pipe | undefined {
  const endpoint = found.endpoints.find((each) => each.in === want.in && each.type === want.type);
  if (endpoint === undefined || endpoint.packetBytes === 0 || endpoint.packetBytes > 64) return undefined;
  const { number, packetBytes } = endpoint;
  return { device: device.address, endpoint: number, in: want.in, packetBytes, toggle: 0 };
}

export function interfaceOf(
  device: UsbDevice,
  of: { readonly class: number; readonly subclass: number; readonly protocol: number },
): usb.UsbInterface | undefined {
  return device.interfaces.find(
    (each) => each.class === of.class && each.subclass === of.subclass && each.protocol === of.protocol,
  );
}
