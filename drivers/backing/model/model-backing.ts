/**
 * Starts an in-process device model: the device to use where QEMU is absent, and the fast one for tests.
 *
 * Nothing is spawned and nothing touches the disk. The device lives until `close()`; it goes on receiving frames and
 * keeping time when no driver is attached, as a card in its slot would.
 */
import type { Attachment, Backing, Device, OpenBacking } from '../../../kernel/abi.ts';
import { DeviceError } from '../../../kernel/abi.ts';
import { CONTROL_CELLS, monotonicUs, openModelSession } from './attach-model.ts';
import type { ModelParts, ModelSession } from './attach-model.ts';
import type { ModelDefinition, ModelPort } from './device-model.ts';
import type { DmaRecord } from './dma-memory.ts';
import { RECORD_SIZE_BYTES, dmaMemory } from './dma-memory.ts';
import { frameRingSizeBytes } from './frame-ring.ts';

/** Device addresses below this are not offered for DMA, as low memory is not on a PC. */
export const DMA_BASE = 0x10_0000;
export const DMA_SIZE_BYTES_DEFAULT = 0x40_0000;
const WIRE_CAPACITY_BYTES = 0x10_0000;

export interface ModelBackingOptions {
  /** Memory offered for DMA, from `DMA_BASE` up. Default 4 MiB. */
  readonly dmaSizeBytes?: number;
  /** What the model's own `create` takes. */
  readonly model?: unknown;
}

/** A started model, with what only a model can tell. */
export interface OpenModelBacking extends OpenBacking {
  /** What the device touched by DMA since `total` (0: from the beginning): an oracle that knows no monitor. */
  dmaRecord(total?: number): DmaRecord;
  /** Frames that the device sent and nobody took in time. */
  droppedFrames(): number;
  /** Makes the device die by itself, as a crash of an emulator would. */
  fail(reason: string): void;
}

export interface ModelBacking extends Backing {
  open(): Promise<OpenModelBacking>;
}

let opened = 0;

/** @example const device = await modelBacking(e1000Model).open(); */
export function modelBacking(definition: ModelDefinition, options: ModelBackingOptions = {}): ModelBacking {
  return { name: `${definition.name} model`, open: () => Promise.resolve(openModel(definition, options)) };
}

function newParts(definition: ModelDefinition, options: ModelBackingOptions): ModelParts {
  opened += 1;
  const dmaSizeBytes = options.dmaSizeBytes ?? DMA_SIZE_BYTES_DEFAULT;
  return {
    control: new SharedArrayBuffer(CONTROL_CELLS * 4),
    state: new SharedArrayBuffer(definition.stateSizeBytes),
    memory: new SharedArrayBuffer(DMA_BASE + dmaSizeBytes),
    record: new SharedArrayBuffer(RECORD_SIZE_BYTES),
    outgoing: new SharedArrayBuffer(frameRingSizeBytes(WIRE_CAPACITY_BYTES)),
    channel: `refmon model ${process.pid}.${opened}`,
    startedUs: monotonicUs(),
    options: options.model,
  };
}

/** Carries bytes between the device and its listeners. Without a listener they are still taken off, and dropped. */
function portOf(session: ModelSession, options: unknown): ModelPort {
  const listeners: ((frame: Uint8Array) => void)[] = [];
  function drain(): void {
    for (let frame = session.nextFrame(); frame !== undefined; frame = session.nextFrame()) {
      for (const listener of listeners) listener(frame);
    }
  }
  session.onWake(drain);
  drain();
  return {
    send: (frame) => {
      session.receiveFrame(frame);
    },
    onMessage: (listener) => {
      listeners.push(listener);
    },
    options,
  };
}

function openModel(definition: ModelDefinition, options: ModelBackingOptions): OpenModelBacking {
  const parts = newParts(definition, options);
  const session = openModelSession(definition, parts);
  const attachment: Attachment = { module: definition.module, options: parts };
  const memory = dmaMemory(parts.memory, parts.record);
  const failureListeners: ((error: DeviceError) => void)[] = [];
  const attachedHere: Device[] = [];
  let alive = true;

  function end(): void {
    alive = false;
    session.remove();
    session.device.detach();
    for (const device of attachedHere) device.detach();
  }

  return {
    name: `${definition.name} model`,
    attachment,
    dma: { base: DMA_BASE, sizeBytes: parts.memory.byteLength - DMA_BASE },
    identity: definition.identity,
    ...definition.ends(portOf(session, parts.options)),
    attachHere() {
      const { device } = openModelSession(definition, parts);
      attachedHere.push(device);
      return device;
    },
    onFailure: (listener) => {
      failureListeners.push(listener);
    },
    dmaRecord: (total = 0) => memory.since(total),
    droppedFrames: () => session.dropped(),
    fail(reason) {
      if (!alive) return;
      end();
      const error = new DeviceError('DEVICE_GONE', `${definition.name} model: ${reason}`);
      for (const listener of failureListeners) listener(error);
    },
    close() {
      if (alive) end();
      return Promise.resolve();
    },
  };
}
