/**
 * The disk of the UHCI model: SCSI over the bulk-only transport, on a medium that is a buffer of the caller's.
 *
 * A command is carried out packet by packet, straight from and to the medium, so nothing is kept that grows with a request.
 * A wrapper that is none stalls both ways until the device is reset (Bulk-Only 6.6.1); a command that fails sends no data and
 * says so in its status.
 */
import { configurationOf, deviceDescriptor, type Answer, type FunctionKind } from './model-function.ts';
import type { UhciState } from './model-state.ts';
import * as usb from './usb.ts';

export const SECTOR_BYTES = 512;
const PACKET_BYTES = 64;
const KIND = { class: usb.CLASS_STORAGE, subclass: usb.SUBCLASS_SCSI, protocol: usb.PROTOCOL_BULK_ONLY };
/** Stages. */
const COMMAND = 0;
const DATA = 1;
const STATUS = 2;
const LOST = 3;
/** Sense keys with their codes, as one number: key, code. */
const NO_SENSE = 0;
const BAD_COMMAND = 0x0520;
const OUT_OF_RANGE = 0x0521;
const ENDPOINT_IN = 1;
const ENDPOINT_OUT = 2;

export function diskKind(state: UhciState, medium: Uint8Array): FunctionKind {
  const { disk, diskData } = state;
  const sectors = Math.floor(medium.length / SECTOR_BYTES);

  function answer(bytes: readonly number[], allowed: number): void {
    diskData.fill(0);
    diskData.set(bytes);
    disk.length = Math.min(bytes.length, allowed);
    disk.offset = 0;
  }

  function fail(sense: number): void {
    disk.sense = sense;
    disk.status = usb.CSW_FAILED;
    disk.length = 0;
    disk.count = 0;
  }

  function carryOut(command: Uint8Array): void {
    const view = new DataView(command.buffer, command.byteOffset, command.length);
    const operation = command[0] ?? 0;
    Object.assign(disk, { operation, status: usb.CSW_PASSED, length: 0, offset: 0, count: 0, block: 0 });
    switch (operation) {
      case usb.TEST_UNIT_READY:
      case usb.SYNCHRONIZE_CACHE_10:
        return;
      case usb.INQUIRY:
        return answer(
          [0, 0, 5, 2, 31, 0, 0, 0, ...text('refmon', 8), ...text('model disk', 16), ...text('1', 4)],
          command[4] ?? 0,
        );
      case usb.REQUEST_SENSE:
        answer(
          [0x70, 0, disk.sense >> 8, 0, 0, 0, 0, 10, 0, 0, 0, 0, disk.sense & 255, 0, 0, 0, 0, 0],
          command[4] ?? 0,
        );
        disk.sense = NO_SENSE;
        return;
      case usb.MODE_SENSE_6:
        return answer([3, 0, 0, 0], command[4] ?? 0);
      case usb.READ_CAPACITY_10: {
        const last = sectors - 1;
        return answer([last >>> 24, last >>> 16, last >>> 8, last, 0, 0, SECTOR_BYTES >> 8, 0], 8);
      }
      case usb.READ_10:
      case usb.WRITE_10: {
        const [block, count] = [view.getUint32(2), view.getUint16(7)];
        if (block + count > sectors) return fail(OUT_OF_RANGE);
        disk.block = block * SECTOR_BYTES;
        disk.count = count * SECTOR_BYTES;
        return;
      }
      default:
        return fail(BAD_COMMAND);
    }
  }

  function wrapper(bytes: Uint8Array): Answer {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const length = bytes[14] ?? 0;
    const legal = bytes.length === usb.CBW_BYTES && view.getUint32(0, true) === usb.CBW_SIGNATURE;
    if (!legal || length === 0 || length > 16) {
      disk.stage = LOST;
      return 'stall';
    }
    disk.tag = view.getUint32(4, true);
    disk.left = view.getUint32(8, true);
    const from = (bytes[12] ?? 0) >= 128;
    carryOut(bytes.subarray(15, 31));
    const writes = disk.operation === usb.WRITE_10;
    // Who wants data the other way than the command has them gets a phase error's friend: a failed command.
    if (disk.left > 0 && disk.status === usb.CSW_PASSED && disk.length + disk.count > 0 && from === writes)
      fail(BAD_COMMAND);
    disk.residue = disk.left;
    disk.stage = disk.left > 0 ? DATA : STATUS;
    return bytes.length;
  }

  /** The device has less than the host wants: the pipe stalls, and the status tells the rest. */
  function endData(): Answer {
    disk.stage = STATUS;
    return 'stall';
  }

  function sendData(bytes: Uint8Array): Answer {
    if (disk.operation === usb.WRITE_10) return endData();
    const has = disk.operation === usb.READ_10 ? disk.count : disk.length;
    const count = Math.min(bytes.length, has, disk.left);
    if (count === 0) return endData();
    if (disk.operation === usb.READ_10) {
      bytes.set(medium.subarray(disk.block, disk.block + count));
      disk.block += count;
      disk.count -= count;
    } else {
      bytes.set(diskData.subarray(disk.offset, disk.offset + count));
      disk.offset += count;
      disk.length -= count;
    }
    moved(count);
    return count;
  }

  function takeData(bytes: Uint8Array): Answer {
    const count = Math.min(bytes.length, disk.count, disk.left);
    if (disk.operation !== usb.WRITE_10 || count < bytes.length) return endData();
    medium.set(bytes, disk.block);
    disk.block += count;
    disk.count -= count;
    moved(count);
    return bytes.length;
  }

  function moved(count: number): void {
    disk.left -= count;
    disk.residue -= count;
    if (disk.left === 0) disk.stage = STATUS;
  }

  function status(bytes: Uint8Array): Answer {
    if (bytes.length < usb.CSW_BYTES) return 'stall';
    const wrapped = new Uint8Array(usb.CSW_BYTES);
    const view = new DataView(wrapped.buffer);
    view.setUint32(0, usb.CSW_SIGNATURE, true);
    view.setUint32(4, disk.tag, true);
    view.setUint32(8, disk.residue, true);
    wrapped[12] = disk.status;
    bytes.set(wrapped);
    disk.stage = COMMAND;
    return usb.CSW_BYTES;
  }

  return {
    deviceDescriptor: deviceDescriptor(0x46f4, 0x0001, 64),
    configuration: configurationOf(
      KIND,
      [],
      [
        [0x80 | ENDPOINT_IN, 2, PACKET_BYTES, 0],
        [ENDPOINT_OUT, 2, PACKET_BYTES, 0],
      ],
    ),
    classRequest({ request }) {
      if (request === usb.STORAGE_MAX_LUN) return Uint8Array.of(0);
      if (request !== usb.STORAGE_RESET) return undefined;
      disk.stage = COMMAND;
      return new Uint8Array(0);
    },
    packet(endpoint, from, bytes) {
      if (disk.stage === LOST || endpoint !== (from ? ENDPOINT_IN : ENDPOINT_OUT)) return 'stall';
      if (disk.stage === DATA) return from ? sendData(bytes) : takeData(bytes);
      if (disk.stage === STATUS) return from ? status(bytes) : 'stall';
      return from ? 'nak' : wrapper(bytes);
    },
    reset: () => Object.assign(disk, { stage: COMMAND, sense: NO_SENSE, left: 0, length: 0, count: 0 }),
  };
}

const text = (of: string, length: number): readonly number[] => [...Buffer.from(of.padEnd(length))];
