/**
 * Puts an in-process device model behind the kernel's `Device` interface, on whichever thread asks.
 *
 * The device is nothing but shared buffers, so every attachment is its equal: the driver's worker, the kernel's thread
 * after the worker was terminated, and the backing itself, which receives frames even when no driver is attached. A call
 * takes the model's lock, lets due time events happen, acts, and afterwards tells the other threads what changed.
 * Interrupts are delivered from the event loop, never inside another call; a line that rose and fell again before its
 * thread looked is not delivered, as with a level-triggered interrupt controller.
 *
 * A BroadcastChannel carries the wake-ups (an empty message; 6-40 us measured): unlike a MessagePort its name travels in
 * a plain structured clone, and unlike Atomics.waitAsync it needs nothing that a hardened realm takes away.
 */
import type { Device } from '../../../kernel/abi.ts';
import { DeviceError } from '../../../kernel/abi.ts';
import type { DeviceModel, ModelDefinition } from './device-model.ts';
import { dmaMemory } from './dma-memory.ts';
import { frameRing } from './frame-ring.ts';
import { LOCK_CELLS, modelLock } from './model-lock.ts';

/** Cells of `ModelParts.control`. */
const CELL_LOCK = 0;
const CELL_LEVEL = LOCK_CELLS;
const CELL_RISES = LOCK_CELLS + 1;
const CELL_WIRE_IDLE = LOCK_CELLS + 2;
const CELL_WIRE_BLOCKED = LOCK_CELLS + 3;
const CELL_WIRE_DROPPED = LOCK_CELLS + 4;
const CELL_GONE = LOCK_CELLS + 5;
export const CONTROL_CELLS = 8;

/** The wire takes a descriptor's worth of frames (64 KiB and segment headers) or makes the device wait. */
const WIRE_READY_BYTES = 80 * 1024;

/** Everything that makes one device, structured-cloneable. */
export interface ModelParts {
  readonly control: SharedArrayBuffer;
  readonly state: SharedArrayBuffer;
  readonly memory: SharedArrayBuffer;
  readonly record: SharedArrayBuffer;
  /** Frames from the device to the far end of its wire. */
  readonly outgoing: SharedArrayBuffer;
  readonly channel: string;
  /** `process.hrtime()` in microseconds when the device was started; all threads count from there. */
  readonly startedUs: number;
  readonly options: unknown;
}

/** One thread's hold on a model, and what the backing may do with it beside the `Device` interface. */
export interface ModelSession {
  readonly device: Device;
  receiveFrame(frame: Uint8Array): void;
  /** The next frame that the device sent, or undefined; asks to be woken when there is one again. */
  nextFrame(): Uint8Array | undefined;
  /** Called when another thread, or this one, changed something; use it to look for frames. */
  onWake(listener: () => void): void;
  /** Every further call on the device, on any thread, throws DEVICE_GONE. */
  remove(): void;
  /** Frames lost because the far end did not take them in time. */
  dropped(): number;
}

export function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.floor(nanoseconds / 1000);
}

export function openModelSession(definition: ModelDefinition, parts: ModelParts): ModelSession {
  const control = new Int32Array(parts.control);
  const lock = modelLock(control.subarray(CELL_LOCK, CELL_LOCK + LOCK_CELLS));
  const memory = dmaMemory(parts.memory, parts.record);
  const outgoing = frameRing(new Uint8Array(parts.outgoing));
  const channel = new BroadcastChannel(parts.channel);
  const now = (): number => monotonicUs() - parts.startedUs;

  let lineChanged = false;
  let mustWakeOthers = false;
  const model: DeviceModel = definition.create(
    {
      state: parts.state,
      memory,
      now,
      transmit(frame) {
        if (!outgoing.push(frame)) Atomics.add(control, CELL_WIRE_DROPPED, 1);
        if (Atomics.exchange(control, CELL_WIRE_IDLE, 0) === 1) mustWakeOthers = true;
      },
      wireReady() {
        if (outgoing.fits(WIRE_READY_BYTES)) return true;
        Atomics.store(control, CELL_WIRE_BLOCKED, 1);
        return false;
      },
      interrupt(level) {
        Atomics.store(control, CELL_LEVEL, level);
        if (level === 1) Atomics.add(control, CELL_RISES, 1);
        lineChanged = true;
        mustWakeOthers = true;
      },
    },
    parts.options,
  );

  const handlers: ((level: 0 | 1) => void)[] = [];
  const wakeListeners: (() => void)[] = [];
  let shownLevel: 0 | 1 = 0;
  let shownRises = 0;
  let deliveryPlanned = false;
  let attached = true;
  let deadlineTimer: NodeJS.Timeout | undefined;
  let plannedDeadlineUs = Infinity;

  function show(level: 0 | 1): void {
    shownLevel = level;
    for (const handler of handlers) handler(level);
  }
  function deliver(): void {
    deliveryPlanned = false;
    if (!attached) return;
    const rises = Atomics.load(control, CELL_RISES);
    const level = Atomics.load(control, CELL_LEVEL) === 1 ? 1 : 0;
    const risen = rises !== shownRises;
    shownRises = rises;
    if (shownLevel === 1 && (level === 0 || risen)) show(0);
    if (shownLevel === 0 && level === 1 && attached) show(1);
  }
  function planDelivery(): void {
    if (deliveryPlanned || !attached) return;
    deliveryPlanned = true;
    setImmediate(deliver);
  }
  function planDeadline(): void {
    const deadlineUs = model.nextDeadlineUs();
    if (deadlineUs === plannedDeadlineUs) return;
    plannedDeadlineUs = deadlineUs;
    clearTimeout(deadlineTimer);
    if (deadlineUs === Infinity) return;
    deadlineTimer = setTimeout(
      () => {
        plannedDeadlineUs = Infinity;
        if (attached && Atomics.load(control, CELL_GONE) === 0) call(() => undefined);
      },
      Math.max(0, Math.ceil((deadlineUs - now()) / 1000)),
    );
    deadlineTimer.unref();
  }
  function call<Result>(action: () => Result): Result {
    if (!attached) throw new DeviceError('DEVICE_GONE', `${definition.name}: this thread has let go of the device`);
    if (Atomics.load(control, CELL_GONE) !== 0) throw new DeviceError('DEVICE_GONE', `${definition.name} is gone`);
    const result = lock.hold(() => {
      model.advance();
      return action();
    });
    if (lineChanged) {
      lineChanged = false;
      planDelivery();
    }
    if (mustWakeOthers) {
      mustWakeOthers = false;
      channel.postMessage(0);
      for (const listener of wakeListeners) setImmediate(listener);
    }
    planDeadline();
    return result;
  }

  channel.onmessage = () => {
    planDelivery();
    for (const listener of wakeListeners) listener();
  };

  const device: Device = {
    read: (space, offset, width) => call(() => model.read(space, offset, width)),
    write: (space, offset, width, value) => {
      call(() => {
        model.write(space, offset, width, value);
      });
    },
    readMemory(address, into) {
      into.set(memory.bytes.subarray(checkedStart(memory.bytes, address, into.length), address + into.length));
    },
    writeMemory(address, from) {
      memory.bytes.set(from, checkedStart(memory.bytes, address, from.length));
    },
    onInterrupt(handler) {
      handlers.push(handler);
      planDelivery();
    },
    now,
    detach() {
      if (!attached) return;
      attached = false;
      clearTimeout(deadlineTimer);
      channel.close();
    },
  };

  return {
    device,
    receiveFrame(frame) {
      if (!attached) return; // a cable to a device that is gone
      call(() => {
        model.receiveFrame(frame);
      });
    },
    nextFrame() {
      const frame = outgoing.pop();
      if (frame !== undefined || !attached) return frame;
      if (Atomics.exchange(control, CELL_WIRE_BLOCKED, 0) === 1) {
        call(() => {
          model.resume();
        });
      }
      Atomics.store(control, CELL_WIRE_IDLE, 1);
      return outgoing.pop();
    },
    onWake: (listener) => wakeListeners.push(listener),
    remove: () => void Atomics.store(control, CELL_GONE, 1),
    dropped: () => Atomics.load(control, CELL_WIRE_DROPPED),
  };
}

/** Memory accesses come from the RVM or the kernel, which check them; one out of range is our bug. */
function checkedStart(memory: Uint8Array, address: number, length: number): number {
  if (!Number.isSafeInteger(address) || address < 0 || address + length > memory.length) {
    throw new RangeError(`device memory has no ${length} bytes at address 0x${address.toString(16)}`);
  }
  return address;
}
