/**
 * A disk on USB: SCSI commands over the bulk-only transport (Mass Storage Class, Bulk-Only Transport 1.0).
 *
 * Three phases: a wrapper out, data, a status in. A stalled pipe is cleared and the status asked for all the same (6.7); a
 * device that has lost the thread is reset (5.3.4) and its command counts as failed.
 */
import { BusError, bulk, control, delay, type Buffers, type Pipe, type Task } from './bus.ts';
import type { UsbDevice } from './enumeration.ts';
import * as usb from './usb.ts';

export interface StorageDevice {
  readonly device: UsbDevice;
  readonly interface: number;
  readonly in: Pipe;
  readonly out: Pipe;
}

export interface Capacity {
  readonly sectors: number;
  readonly sectorBytes: number;
}

/** Units that are not ready yet are asked again, so many times. */
const READY_TRIES = 20;
const READY_PAUSE_US = 50_000;
const SECTOR_BYTES: readonly number[] = [512, 1024, 2048, 4096];

export class Storage {
  readonly #buffers: Buffers;
  readonly #of: StorageDevice;
  #tag = 0;

  constructor(buffers: Buffers, of: StorageDevice) {
    this.#buffers = buffers;
    this.#of = of;
  }

  /** Waits until the unit is ready, and asks how large it is. @returns undefined if that makes no sense */
  *bringUp(): Task<Capacity | undefined> {
    yield* this.command(Uint8Array.of(usb.INQUIRY, 0, 0, 0, usb.INQUIRY_BYTES, 0), true, usb.INQUIRY_BYTES);
    for (let tries = 0; !(yield* this.command(new Uint8Array(6), true, 0)); tries += 1) {
      if (tries === READY_TRIES) return undefined;
      yield* this.sense();
      yield* delay(READY_PAUSE_US);
    }
    if (!(yield* this.command(Uint8Array.of(usb.READ_CAPACITY_10, 0, 0, 0, 0, 0, 0, 0, 0, 0), true, 8)))
      return undefined;
    const bytes = this.#buffers.region.copyOut(this.#buffers.data, 8);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const sectorBytes = view.getUint32(4);
    if (!SECTOR_BYTES.includes(sectorBytes)) return undefined;
    return { sectors: view.getUint32(0) + 1, sectorBytes };
  }

  /** Why the last command failed. The answer is not looked at: asking clears the condition. */
  *sense(): Task<void> {
    yield* this.command(Uint8Array.of(usb.REQUEST_SENSE, 0, 0, 0, usb.SENSE_BYTES, 0), true, usb.SENSE_BYTES);
  }

  /**
   * One command with its data, which lie at the beginning of the data buffer.
   * @returns whether it was carried out, and moved all that it should
   * @throws BusError `timeout` if the device did not answer in time; it has then been reset
   */
  *command(block: Uint8Array, from: boolean, bytes: number): Task<boolean> {
    this.#tag = (this.#tag + 1) >>> 0;
    try {
      return yield* this.#transport(block, from, bytes);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      yield* this.#recover();
      if (error.what === 'timeout') throw error;
      return false;
    }
  }

  *#transport(block: Uint8Array, from: boolean, bytes: number): Task<boolean> {
    const { region, wrapper, data } = this.#buffers;
    region.copyIn(wrapper, usb.commandWrapper(this.#tag, bytes, from, block));
    yield* bulk(this.#buffers, this.#of.out, wrapper, usb.CBW_BYTES);
    let moved = 0;
    if (bytes > 0) {
      const pipe = from ? this.#of.in : this.#of.out;
      try {
        moved = yield* bulk(this.#buffers, pipe, data, bytes);
      } catch (error) {
        if (!(error instanceof BusError) || error.what !== 'stalled') throw error;
        yield* this.#clear(pipe);
      }
    }
    const status = yield* this.#status();
    return status === usb.CSW_PASSED && moved === bytes;
  }

  *#status(): Task<number | undefined> {
    const { region, wrapper } = this.#buffers;
    for (let tries = 0; ; tries += 1) {
      try {
        const moved = yield* bulk(this.#buffers, this.#of.in, wrapper, usb.CSW_BYTES);
        const status = usb.statusOf(region.copyOut(wrapper, moved), this.#tag);
        if (status === undefined || status > usb.CSW_FAILED) throw new BusError('failed');
        return status;
      } catch (error) {
        if (!(error instanceof BusError) || error.what !== 'stalled' || tries > 0) throw error;
        yield* this.#clear(this.#of.in);
      }
    }
  }

  *#recover(): Task<void> {
    const { device } = this.#of;
    const request = { requestType: usb.CLASS_TO_INTERFACE, request: usb.STORAGE_RESET, value: 0, length: 0 };
    yield* control(this.#buffers, device.address, device.packetBytes, { ...request, index: this.#of.interface });
    yield* this.#clear(this.#of.in);
    yield* this.#clear(this.#of.out);
  }

  *#clear(pipe: Pipe): Task<void> {
    const { device } = this.#of;
    const index = pipe.endpoint | (pipe.in ? usb.DIRECTION_IN : 0);
    const request = { requestType: usb.TO_ENDPOINT, request: usb.CLEAR_FEATURE, value: usb.ENDPOINT_HALT, length: 0 };
    yield* control(this.#buffers, device.address, device.packetBytes, { ...request, index });
    pipe.toggle = 0; // 9.4.5
  }
}
