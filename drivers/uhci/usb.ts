/**
 * What both ends of a USB cable agree on: requests, descriptors, the two classes that are driven here.
 *
 * Sources: USB 1.1, chapter 9; HID 1.11, appendix B (boot protocol) and 7.2; Mass Storage Class, Bulk-Only Transport 1.0;
 * SPC-2 and SBC for the commands. Constants, types and pure functions; this file imports nothing.
 */

/** The 8 bytes of a control transfer's first packet (9.3). */
export interface SetupPacket {
  readonly requestType: number;
  readonly request: number;
  readonly value: number;
  readonly index: number;
  readonly length: number;
}

export const SETUP_BYTES = 8;
export const DIRECTION_IN = 0x80;
export const GET_STATUS = 0;
export const CLEAR_FEATURE = 1;
export const SET_FEATURE = 3;
export const SET_ADDRESS = 5;
export const GET_DESCRIPTOR = 6;
export const GET_CONFIGURATION = 8;
export const SET_CONFIGURATION = 9;
export const ENDPOINT_HALT = 0;
/** Request types: standard or class, to the device, an interface or an endpoint. */
export const TO_DEVICE = 0x00;
export const TO_ENDPOINT = 0x02;
export const CLASS_TO_INTERFACE = 0x21;
export const CLASS_FROM_INTERFACE = 0xa1;

export const DEVICE_DESCRIPTOR = 1;
export const CONFIGURATION_DESCRIPTOR = 2;
export const INTERFACE_DESCRIPTOR = 4;
export const ENDPOINT_DESCRIPTOR = 5;
export const DEVICE_DESCRIPTOR_BYTES = 18;
export const CONFIGURATION_DESCRIPTOR_BYTES = 9;

export const CLASS_HID = 3;
export const SUBCLASS_BOOT = 1;
export const PROTOCOL_MOUSE = 2;
export const HID_GET_REPORT = 0x01;
export const HID_SET_IDLE = 0x0a;
export const HID_SET_PROTOCOL = 0x0b;
export const MOUSE_REPORT_BYTES = 4;

export const CLASS_STORAGE = 8;
export const SUBCLASS_SCSI = 6;
export const PROTOCOL_BULK_ONLY = 0x50;
export const STORAGE_RESET = 0xff;
export const STORAGE_MAX_LUN = 0xfe;
export const CBW_BYTES = 31;
export const CBW_SIGNATURE = 0x4342_5355;
export const CBW_IN = 0x80;
export const CSW_BYTES = 13;
export const CSW_SIGNATURE = 0x5342_5355;
export const CSW_PASSED = 0;
export const CSW_FAILED = 1;

export const TEST_UNIT_READY = 0x00;
export const REQUEST_SENSE = 0x03;
export const INQUIRY = 0x12;
export const MODE_SENSE_6 = 0x1a;
export const READ_CAPACITY_10 = 0x25;
export const READ_10 = 0x28;
export const WRITE_10 = 0x2a;
export const SYNCHRONIZE_CACHE_10 = 0x35;
export const INQUIRY_BYTES = 36;
export const SENSE_BYTES = 18;

export function setupBytes({ requestType, request, value, index, length }: SetupPacket): Uint8Array {
  return Uint8Array.of(requestType, request, value, value >> 8, index, index >> 8, length, length >> 8);
}

const half = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);

export function setupPacket(bytes: Uint8Array): SetupPacket {
  const [requestType = 0, request = 0] = bytes;
  return { requestType, request, value: half(bytes, 2), index: half(bytes, 4), length: half(bytes, 6) };
}

export interface Endpoint {
  readonly number: number;
  readonly in: boolean;
  /** 2 bulk, 3 interrupt. */
  readonly type: number;
  readonly packetBytes: number;
}

/** One interface of a configuration, with its endpoints. */
export interface UsbInterface {
  readonly number: number;
  readonly class: number;
  readonly subclass: number;
  readonly protocol: number;
  readonly endpoints: readonly Endpoint[];
}

/** Reads a configuration descriptor and all behind it (9.6.3). What is cut short or makes no sense ends the list. */
export function interfacesOf(configuration: Uint8Array): readonly UsbInterface[] {
  const found: (UsbInterface & { readonly endpoints: Endpoint[] })[] = [];
  for (let at = 0; at + 2 <= configuration.length;) {
    const length = configuration[at] ?? 0;
    if (length < 2 || at + length > configuration.length) break;
    const of = (offset: number): number => configuration[at + offset] ?? 0;
    if (of(1) === INTERFACE_DESCRIPTOR && length >= 9) {
      found.push({ number: of(2), class: of(5), subclass: of(6), protocol: of(7), endpoints: [] });
    } else if (of(1) === ENDPOINT_DESCRIPTOR && length >= 7) {
      const packetBytes = (of(4) | (of(5) << 8)) & 0x7ff;
      found.at(-1)?.endpoints.push({ number: of(2) & 15, in: of(2) >= 128, type: of(3) & 3, packetBytes });
    }
    at += length;
  }
  return found;
}

/** A SCSI command that names a stretch of blocks: READ(10), WRITE(10). */
export function blockCommand(operation: number, block: number, count: number): Uint8Array {
  return Uint8Array.of(operation, 0, block >>> 24, block >>> 16, block >>> 8, block, 0, count >>> 8, count, 0);
}

/** A command block wrapper (Bulk-Only 5.1). */
export function commandWrapper(tag: number, bytes: number, from: boolean, command: Uint8Array): Uint8Array {
  const wrapper = new Uint8Array(CBW_BYTES);
  const view = new DataView(wrapper.buffer);
  view.setUint32(0, CBW_SIGNATURE, true);
  view.setUint32(4, tag, true);
  view.setUint32(8, bytes, true);
  wrapper[12] = from ? CBW_IN : 0;
  wrapper[14] = command.length;
  wrapper.set(command, 15);
  return wrapper;
}

/** The status behind a command, or undefined if it is none or that of another (5.2, 6.3). */
export function statusOf(bytes: Uint8Array, tag: number): number | undefined {
  if (bytes.length !== CSW_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== CSW_SIGNATURE || view.getUint32(4, true) !== tag) return undefined;
  return bytes[12];
}
