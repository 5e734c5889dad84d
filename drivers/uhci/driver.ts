/**
 * An untrusted driver for the UHCI: one mouse and one disk on its two root ports, everything by interrupt and timer.
 *
 * It runs in a compartment with nothing but `io`; nobody relies on its correctness for safety. It offers the input class
 * (`drivers/class/input.ts`) for a boot protocol mouse and the block class (`drivers/class/block.ts`) for a bulk-only disk.
 * One task talks to the bus at a time (`bus.ts`); the mouse is asked by a queue of its own. A task that fails leaves its
 * device alone until the next `reset`. It does not do hubs, low-speed devices, or devices that come and go.
 */
import type { DeviceIo, DriverEntries, DriverMessage } from '../../kernel/abi.ts';
import {
  blockRequest,
  isInRange,
  REQUESTS_MAX,
  TRANSFER_MAX_BYTES,
  type BlockError,
  type BlockRequest,
} from '../class/block.ts';
import { enableBusMaster, PORTS } from '../class/bus-master.ts';
import { reportMessages } from '../class/input.ts';
import { allocateBuffers, BusError, control, delay, type Pipe, type Task, type Wait } from './bus.ts';
import { enumerate, interfaceOf, pipeOf, type UsbDevice } from './enumeration.ts';
import * as r from './registers.ts';
import * as schedule from './schedule.ts';
import { Storage, type Capacity } from './storage.ts';
import * as usb from './usb.ts';

const MOUSE = { class: usb.CLASS_HID, subclass: usb.SUBCLASS_BOOT, protocol: usb.PROTOCOL_MOUSE };
const DISK = { class: usb.CLASS_STORAGE, subclass: usb.SUBCLASS_SCSI, protocol: usb.PROTOCOL_BULK_ONLY };
const INTERRUPT_ENDPOINT = { in: true, type: 3 };
const BULK = 2;
const RUN = r.CMD_RS | r.CMD_CF | r.CMD_MAXP;
/** More than a frame, after which the controller is done with what it was doing. */
const STILL_US = 3000;
const RESET_US = 12_000;

export default function uhciDriver(io: DeviceIo): DriverEntries {
  const plan = schedule.allocateSchedule(io);
  const buffers = allocateBuffers(io, TRANSFER_MAX_BYTES);
  let task: Task<void> | undefined;
  let waiting: Wait | undefined;
  let mouse: Pipe | undefined;
  let buttons = 0;
  let capacity: Capacity | undefined;
  /** The first is being carried out. */
  let requests: BlockRequest[] = [];

  // ---- The task, and what resumes it -----------------------------------------------------------------------------------

  function resume(went?: schedule.Progress): void {
    waiting = undefined;
    const step = task?.next(went);
    if (step === undefined || step.done === true) return;
    const wait = step.value;
    waiting = wait;
    if (wait.kind === 'delay') io.setTimer(wait.us);
    else if (wait.kind === 'transfer') {
      schedule.submit(plan, wait.packets);
      io.setTimer(wait.us);
    } else if (wait.kind === 'still') {
      io.write16(r.BAR_IO, r.USBCMD, r.CMD_CF | r.CMD_MAXP);
      io.setTimer(STILL_US);
    } else if (requests.length > 0) resume();
  }

  function begin(next: Task<void>): void {
    task = next;
    resume();
  }

  function timer(): void {
    if (waiting?.kind === 'delay') resume();
    else if (waiting?.kind === 'transfer') lookAtTransfer(true);
    else if (waiting?.kind === 'still') {
      lookAtMouse();
      runSchedule();
      resume();
    }
  }

  function interrupt(): void {
    const status = io.read16(r.BAR_IO, r.USBSTS);
    if ((status & r.STS_ALL & ~r.STS_HALTED) === 0) return;
    io.write16(r.BAR_IO, r.USBSTS, status & r.STS_ALL);
    lookAtMouse();
    lookAtTransfer(false);
  }

  function lookAtTransfer(late: boolean): void {
    if (waiting?.kind !== 'transfer') return;
    const went = schedule.progress(plan, waiting.packets);
    if (went.state !== 'going' || late) resume(went);
  }

  /** Everything inactive, the mouse asked anew, and off. Only while the schedule stands still. */
  function runSchedule(): void {
    schedule.layOut(plan);
    askMouse();
    io.write16(r.BAR_IO, r.USBCMD, RUN);
  }

  // ---- From nothing to a mouse and a disk ------------------------------------------------------------------------------

  function* start(): Task<void> {
    mouse = undefined;
    capacity = undefined;
    buttons = 0;
    enableBusMaster(io, PORTS);
    io.write16(io.CONFIG, r.LEGSUP, r.LEGSUP_OWN);
    io.write16(r.BAR_IO, r.USBINTR, 0);
    io.write16(r.BAR_IO, r.USBCMD, r.CMD_HCRESET);
    yield* delay(RESET_US);
    io.write8(r.BAR_IO, r.SOFMOD, r.SOFMOD_DEFAULT);
    io.write32(r.BAR_IO, r.FLBASEADD, plan.frames.address);
    io.write16(r.BAR_IO, r.FRNUM, 0);
    io.write16(r.BAR_IO, r.USBSTS, r.STS_ALL);
    io.write16(r.BAR_IO, r.USBINTR, r.INTR_ALL);
    runSchedule();
    let storage: Storage | undefined;
    for (const [index, port] of [r.PORTSC1, r.PORTSC2].entries()) {
      try {
        const device = yield* enumerate(io, buffers, port, index + 1);
        if (device === undefined) continue;
        if (mouse === undefined) yield* useMouse(device);
        storage ??= storageOf(device);
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        io.log(`root port ${index + 1}: ${error.message}`);
      }
    }
    if (storage !== undefined) yield* serve(storage);
  }

  function* useMouse(device: UsbDevice): Task<void> {
    const found = interfaceOf(device, MOUSE);
    const pipe = found === undefined ? undefined : pipeOf(device, found, INTERRUPT_ENDPOINT);
    if (found === undefined || pipe === undefined) return;
    const request = { requestType: usb.CLASS_TO_INTERFACE, index: found.number, length: 0, value: 0 };
    yield* control(buffers, device.address, device.packetBytes, { ...request, request: usb.HID_SET_PROTOCOL });
    yield* control(buffers, device.address, device.packetBytes, { ...request, request: usb.HID_SET_IDLE });
    mouse = pipe;
    askMouse();
    io.send({ kind: 'up' });
  }

  function storageOf(device: UsbDevice): Storage | undefined {
    const found = interfaceOf(device, DISK);
    if (found === undefined) return undefined;
    const [from, to] = [true, false].map((each) => pipeOf(device, found, { in: each, type: BULK }));
    if (from === undefined || to === undefined) return undefined;
    return new Storage(buffers, { device, interface: found.number, in: from, out: to });
  }

  // ---- The mouse -------------------------------------------------------------------------------------------------------

  function askMouse(): void {
    if (mouse === undefined) return;
    const { device, endpoint, toggle, packetBytes } = mouse;
    const address = buffers.region.address + buffers.report;
    const bytes = Math.min(packetBytes, usb.MOUSE_REPORT_BYTES);
    schedule.askMouse(plan, { pid: r.PID_IN, device, endpoint, toggle, address, bytes });
  }

  function lookAtMouse(): void {
    if (mouse === undefined) return;
    const answer = schedule.mouseAnswer(plan);
    if (answer === undefined) return;
    if (answer.failed) {
      mouse = undefined;
      io.log('the mouse does not answer');
      return;
    }
    const report = buffers.region.copyOut(buffers.report, Math.min(answer.bytes, usb.MOUSE_REPORT_BYTES));
    mouse.toggle = mouse.toggle === 0 ? 1 : 0;
    askMouse();
    if (report.length < 3) return;
    for (const message of reportMessages(report, buttons)) io.send(message);
    buttons = report[0] ?? 0;
  }

  // ---- The disk --------------------------------------------------------------------------------------------------------

  function* serve(storage: Storage): Task<void> {
    const found = yield* storage.bringUp();
    if (found === undefined) return io.log('the disk is not ready');
    capacity = found;
    io.send({ kind: 'up', ...found });
    for (;;) {
      const [request] = requests;
      if (request === undefined) {
        yield { kind: 'request' };
        continue;
      }
      const answer = yield* carryOut(storage, request);
      requests.shift();
      io.send(answer);
    }
  }

  function* carryOut(storage: Storage, request: BlockRequest): Task<DriverMessage> {
    const { region, data } = buffers;
    const { tag } = request;
    try {
      let done: boolean;
      if (request.kind === 'flush') {
        done = yield* storage.command(usb.blockCommand(usb.SYNCHRONIZE_CACHE_10, 0, 0), false, 0);
      } else {
        const sectorBytes = capacity?.sectorBytes ?? 1;
        const from = request.kind === 'read';
        const count = from ? request.count : request.bytes.length / sectorBytes;
        if (request.kind === 'write') region.copyIn(data, request.bytes);
        const block = usb.blockCommand(from ? usb.READ_10 : usb.WRITE_10, request.sector, count);
        done = yield* storage.command(block, from, count * sectorBytes);
        if (done && from) return { kind: 'data', tag, bytes: region.copyOut(data, count * sectorBytes) };
      }
      if (done) return { kind: request.kind === 'write' ? 'written' : 'flushed', tag };
      yield* storage.sense();
      return { kind: 'error', tag, what: 'device' };
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      return { kind: 'error', tag, what: error.what === 'timeout' ? 'timeout' : 'device' };
    }
  }

  function refuse(tag: number, what: BlockError): void {
    io.send({ kind: 'error', tag, what });
  }

  function message(from: DriverMessage): void {
    if (from.kind === 'reset') {
      const lost = requests;
      requests = [];
      for (const { tag } of lost) refuse(tag, 'reset');
      begin(start());
      return;
    }
    const request = blockRequest(from);
    if (request === undefined) return;
    if (capacity === undefined || requests.length === REQUESTS_MAX) return refuse(request.tag, 'busy');
    if (request.kind !== 'flush' && !isInRange(request, capacity.sectors, capacity.sectorBytes))
      return refuse(request.tag, 'range');
    requests.push(request);
    if (waiting?.kind === 'request') resume();
  }

  return { init: () => begin(start()), interrupt, timer, message };
}
