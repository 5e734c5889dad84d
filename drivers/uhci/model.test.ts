/**
 * The UHCI model by itself: it survives whatever a hostile driver programs it with, in bounded time, and without a monitor it
 * does what the rogues want of it. Its record of DMA is the oracle of other tests, so here the record itself is looked at.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import { RECORD_SIZE_BYTES, dmaMemory } from '../backing/model/dma-memory.ts';
import type { DeviceModel } from '../backing/model/device-model.ts';
import { handMessage } from './model-mouse.ts';
import { STATE_SIZE_BYTES } from './model-state.ts';
import { uhciOnHost } from './model.ts';
import * as r from './registers.ts';

const FRAME_LIST = 0x1_0000;
const QUEUE = 0x1_2000;
const DESCRIPTOR = 0x1_3000;
const BUFFER = 0x1_4000;
/** Touches of one frame: three a structure at most, and what a packet carries. */
const TOUCHES_A_FRAME_MAX = 256 * 4 + 1;

class Rig {
  now = 0;
  readonly memory = dmaMemory(new ArrayBuffer(0x2_0000), new ArrayBuffer(RECORD_SIZE_BYTES));
  readonly model: DeviceModel;
  readonly edges: number[] = [];

  constructor() {
    this.model = uhciOnHost({
      state: new ArrayBuffer(STATE_SIZE_BYTES),
      memory: this.memory,
      now: () => this.now,
      transmit: () => undefined,
      wireReady: () => true,
      interrupt: (level) => void this.edges.push(level),
    });
    this.model.write(CONFIG_SPACE, r.PCI_COMMAND, 2, r.PCI_COMMAND_IO | r.PCI_COMMAND_MASTER);
  }

  word(address: number, ...values: readonly number[]): void {
    const view = new DataView(this.memory.bytes.buffer);
    values.forEach((value, index) => view.setUint32(address + 4 * index, value >>> 0, true));
  }

  at(address: number): number {
    return new DataView(this.memory.bytes.buffer).getUint32(address, true);
  }

  io(register: number, value: number): void {
    this.model.write(r.BAR_IO, register, 2, value);
  }

  /** All frames begin with `link`. */
  run(link: number): void {
    for (let frame = 0; frame < r.FRAMES; frame += 1) this.word(FRAME_LIST + 4 * frame, link);
    this.model.write(r.BAR_IO, r.FLBASEADD, 4, FRAME_LIST);
    this.io(r.USBINTR, r.INTR_ALL);
    this.io(r.PORTSC1, r.PORT_RESET);
    this.io(r.PORTSC1, r.PORT_ENABLED);
    this.io(r.USBCMD, r.CMD_RS);
  }

  frames(count: number): void {
    for (let frame = 0; frame < count; frame += 1) {
      this.now += r.FRAME_US;
      this.model.advance();
    }
  }
}

const token = (pid: number, address: number, endpoint: number, bytes: number): number =>
  pid | (address << r.TOKEN_ADDRESS_SHIFT) | (endpoint << r.TOKEN_ENDPOINT_SHIFT) | (((bytes - 1) & 0x7ff) << r.TOKEN_LENGTH_SHIFT); // prettier-ignore

describe('the uhci model', () => {
  it('carries out a setup packet, says so in the descriptor, moves the queue on and interrupts until acknowledged', () => {
    const rig = new Rig();
    rig.word(QUEUE, r.LINK_END, DESCRIPTOR);
    rig.word(DESCRIPTOR, r.LINK_END, r.TD_ACTIVE | r.TD_IOC, token(r.PID_SETUP, 0, 0, 8), BUFFER);
    rig.word(BUFFER, 0x0100_0680, 0x0008_0000); // GET_DESCRIPTOR of the device, 8 bytes
    rig.run(QUEUE | r.LINK_QUEUE);
    rig.frames(1);
    assert.equal(rig.at(DESCRIPTOR + 4), r.TD_IOC | 7);
    assert.equal(rig.at(QUEUE + 4), r.LINK_END);
    assert.deepEqual(rig.edges, [1]);
    assert.equal(rig.model.read(r.BAR_IO, r.USBSTS, 2), r.STS_USBINT);
    rig.io(r.USBSTS, r.STS_USBINT);
    assert.deepEqual(rig.edges, [1, 0]);
  });

  it('gives up on a device that is not there after as many errors as it may have', () => {
    const rig = new Rig();
    rig.word(QUEUE, r.LINK_END, DESCRIPTOR);
    rig.word(DESCRIPTOR, r.LINK_END, r.TD_ACTIVE | (3 << r.TD_ERRORS_SHIFT), token(r.PID_IN, 77, 0, 8), BUFFER);
    rig.run(QUEUE | r.LINK_QUEUE);
    rig.frames(2);
    assert.notEqual(rig.at(DESCRIPTOR + 4) & r.TD_ACTIVE, 0);
    rig.frames(1);
    assert.equal(rig.at(DESCRIPTOR + 4) & (r.TD_ACTIVE | r.TD_STALLED | r.TD_TIMEOUT), r.TD_STALLED | r.TD_TIMEOUT);
    assert.equal(rig.model.read(r.BAR_IO, r.USBSTS, 2) & r.STS_ERROR, r.STS_ERROR);
  });

  it('ends a circle of queue heads with the frame', () => {
    const rig = new Rig();
    rig.word(QUEUE, (QUEUE + 16) | r.LINK_QUEUE, r.LINK_END);
    rig.word(QUEUE + 16, QUEUE | r.LINK_QUEUE, r.LINK_END);
    rig.run(QUEUE | r.LINK_QUEUE);
    rig.frames(1);
    assert.ok(rig.memory.since(0).total <= TOUCHES_A_FRAME_MAX);
    rig.frames(1);
    assert.equal(rig.model.read(r.BAR_IO, r.FRNUM, 2), 2);
  });

  it('stops for good at a packet that there is not, until it is reset', () => {
    const rig = new Rig();
    rig.word(DESCRIPTOR, r.LINK_END, r.TD_ACTIVE, token(0x5a, 0, 0, 8), BUFFER);
    rig.run(DESCRIPTOR);
    rig.frames(1);
    assert.equal(rig.model.read(r.BAR_IO, r.USBSTS, 2), r.STS_PROCESS_ERROR | r.STS_HALTED);
    assert.equal(rig.model.read(r.BAR_IO, r.USBCMD, 2) & r.CMD_RS, 0);
    rig.io(r.USBCMD, r.CMD_HCRESET);
    assert.equal(rig.model.read(r.BAR_IO, r.USBSTS, 2), r.STS_HALTED);
  });

  it('without a monitor reaches whatever memory its driver names: the rogues have something to win', () => {
    const rig = new Rig();
    rig.word(DESCRIPTOR, r.LINK_END, r.TD_ACTIVE, token(r.PID_SETUP, 0, 0, 8), 0x4000);
    rig.run(DESCRIPTOR);
    rig.frames(1);
    assert.ok(rig.memory.since(0).touches.some(({ address, length }) => address === 0x4000 && length === 8));
  });

  it('touches nothing while it may not master the bus, and nothing after a reset', () => {
    const rig = new Rig();
    rig.run(QUEUE | r.LINK_QUEUE);
    rig.model.write(CONFIG_SPACE, r.PCI_COMMAND, 2, r.PCI_COMMAND_IO);
    rig.frames(3);
    rig.model.write(CONFIG_SPACE, r.PCI_COMMAND, 2, r.PCI_COMMAND_IO | r.PCI_COMMAND_MASTER);
    rig.io(r.USBCMD, r.CMD_HCRESET);
    rig.frames(3);
    assert.equal(rig.memory.since(0).total, 0);
    assert.equal(rig.model.nextDeadlineUs(), Infinity);
  });

  it('survives any bytes as its schedule, with bounded work a frame', () => {
    const words = fc.array(
      fc.oneof(
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.integer({ min: 0, max: 0x1fff }).map((place) => FRAME_LIST + 16 * place + (place % 8)),
        fc.constantFrom(
          r.TD_ACTIVE,
          token(r.PID_IN, 0, 0, 64),
          token(r.PID_SETUP, 0, 0, 8),
          token(r.PID_OUT, 0, 2, 31),
        ),
      ),
      { minLength: 64, maxLength: 64 },
    );
    fc.assert(
      fc.property(words, fc.integer({ min: 0, max: 0xffff_ffff }), (schedule, link) => {
        const rig = new Rig();
        for (let at = QUEUE; at < BUFFER; at += 256) rig.word(at, ...schedule);
        rig.run(link % 2 === 0 ? QUEUE | r.LINK_QUEUE : link & ~1);
        rig.model.receiveFrame(handMessage(1, link & 0x7f, -3, 1));
        for (let frame = 0; frame < 5; frame += 1) {
          const before = rig.memory.since(0).total;
          rig.frames(1);
          assert.ok(rig.memory.since(0).total - before <= TOUCHES_A_FRAME_MAX);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('survives any accesses, and works after a reset', () => {
    const access = fc.record({
      space: fc.constantFrom(r.BAR_IO, r.BAR_IO, CONFIG_SPACE, 0),
      offset: fc.integer({ min: 0, max: 40 }),
      width: fc.constantFrom(1 as const, 2 as const, 4 as const),
      value: fc.integer({ min: 0, max: 0xffff_ffff }),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 60 }), (accesses) => {
        const rig = new Rig();
        for (const { space, offset, width, value } of accesses) {
          rig.model.write(space, offset, width, value % 2 ** (8 * width));
          const read = rig.model.read(space, offset, width);
          assert.ok(read >= 0 && read < 2 ** (8 * width), `read ${read}`);
          rig.frames(1);
        }
        rig.model.write(CONFIG_SPACE, r.PCI_COMMAND, 2, r.PCI_COMMAND_IO | r.PCI_COMMAND_MASTER);
        rig.io(r.USBCMD, r.CMD_HCRESET);
        assert.equal(rig.model.read(r.BAR_IO, r.USBSTS, 2), r.STS_HALTED);
        assert.equal(rig.model.interruptLevel(), 0);
      }),
      { numRuns: 100 },
    );
  });
});
