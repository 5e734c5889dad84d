/**
 * The same 82540EM twice: QEMU's device and the in-process model, driven in step and compared.
 *
 * Every read is made on both and must agree. DMA memory is written on both, at the same addresses. QEMU carries frames
 * through a socket and works in real time, so `settle` waits until both devices show the same head registers, causes and
 * number of frames sent, up to a deadline, and then compares them; `compareMemory` and `sweep` compare the rest.
 */
import assert from 'node:assert/strict';
import type { Device, OpenBacking } from '../../../kernel/abi.ts';
import { CONFIG_SPACE } from '../../../dsslang/runtime.ts';
import type { Space, Width } from '../../../dsslang/runtime.ts';
import { RECORD_SIZE_BYTES, dmaMemory } from '../../backing/model/dma-memory.ts';
import type { InlineE1000 } from '../model.ts';
import { createE1000Model } from '../model.ts';
import * as r from '../registers.ts';

const SETTLE_MS = 3000;

export interface Pair {
  readonly base: number;
  readonly model: InlineE1000;
  /** Reads on both, asserts that they agree, returns the value. */
  read(offset: number, width?: Width, space?: Space): number;
  write(offset: number, value: number, width?: Width, space?: Space): void;
  writeMemory(address: number, bytes: Uint8Array): void;
  receiveFrame(frame: Uint8Array): void;
  /** Virtual time of the model; QEMU's passes by itself. */
  passTime(us: number): void;
  /** Waits until QEMU has done what the model has done; asserts frames, heads, causes and the interrupt line. */
  settle(): Promise<void>;
  compareMemory(address: number, length: number): void;
  /** Compares every register from `from` up to `end`, in order, with reads' side effects. */
  sweep(from: number, end: number): void;
  framesCompared(): number;
  accessesCompared(): number;
  /** Prefix of every failure message: which sequence, which step. */
  note(text: string): void;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

export function createPair(backing: OpenBacking, device: Device, usedBytes: number): Pair {
  const base = backing.dma.base;
  const memory = dmaMemory(new ArrayBuffer(base + usedBytes), new ArrayBuffer(RECORD_SIZE_BYTES));
  let virtualUs = 0;
  const model = createE1000Model({ personality: 'qemu-7.2', memory, now: () => virtualUs });
  const qemuFrames: Uint8Array[] = [];
  const modelFrames: Uint8Array[] = [];
  let qemuLevel: 0 | 1 = 0;
  let accesses = 0;
  let frames = 0;
  let where = '';
  backing.wire?.onFrame((frame) => qemuFrames.push(frame));
  model.onTransmit((frame) => modelFrames.push(frame));
  device.onInterrupt((level) => {
    qemuLevel = level;
  });

  function read(offset: number, width: Width = 4, space: Space = r.BAR_REGISTERS): number {
    const expected = device.read(space, offset, width);
    const seen = model.read(space, offset, width);
    accesses += 1;
    assert.equal(hex(seen), hex(expected), `${where}: reading ${width} bytes at ${hex(offset)} of space ${space}`);
    return expected;
  }
  /** Nothing here changes the device. */
  function inStep(): boolean {
    const quiet = [r.TDH, r.RDH, r.ICS];
    const same = quiet.every((offset) => device.read(0, offset, 4) === model.read(0, offset, 4));
    return same && qemuFrames.length === modelFrames.length && qemuLevel === model.interruptLevel();
  }

  return {
    base,
    model,
    read,
    write(offset, value, width = 4, space = r.BAR_REGISTERS) {
      device.write(space, offset, width, value);
      model.write(space, offset, width, value);
      accesses += 1;
    },
    writeMemory(address, bytes) {
      device.writeMemory(address, bytes);
      memory.bytes.set(bytes, address);
    },
    receiveFrame(frame) {
      backing.wire?.send(frame);
      model.receiveFrame(frame.slice());
    },
    passTime(us) {
      virtualUs += us;
      model.advance();
    },
    async settle() {
      const deadline = performance.now() + SETTLE_MS;
      while (!inStep() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 1));
      for (const offset of [r.TDH, r.RDH, r.ICS, r.IMS, r.STATUS]) read(offset);
      assert.equal(modelFrames.length, qemuFrames.length, `${where}: number of frames sent`);
      qemuFrames.forEach((frame, index) => {
        const seen = Buffer.from(modelFrames[index] ?? []).toString('hex');
        assert.equal(seen, Buffer.from(frame).toString('hex'), `${where}: frame ${index}`);
      });
      frames += qemuFrames.length;
      qemuFrames.length = 0;
      modelFrames.length = 0;
      assert.equal(model.interruptLevel(), qemuLevel, `${where}: level of the interrupt line`);
    },
    compareMemory(address, length) {
      const real = new Uint8Array(length);
      device.readMemory(address, real);
      const seen = memory.bytes.subarray(address, address + length);
      const at = real.findIndex((byte, index) => byte !== seen[index]);
      if (at === -1) return;
      const from = at & ~15;
      const text = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(from, from + 48)).toString('hex');
      assert.equal(text(seen), text(real), `${where}: memory from ${hex(address + from)}`);
    },
    sweep(from, end) {
      for (let offset = from; offset < end; offset += 4) read(offset);
    },
    framesCompared: () => frames,
    accessesCompared: () => accesses,
    note(text) {
      where = text;
    },
  };
}

/** As firmware would leave the card. */
export function enableCard(pair: Pair): void {
  pair.write(r.PCI_COMMAND, 0x107, 2, CONFIG_SPACE);
}
