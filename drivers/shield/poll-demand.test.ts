/**
 * A guest that demands a look at its transmit ring while the shield doubts what it has stored elsewhere: the 8139C+ as the
 * in-process model behind the real shield, and the test in the place of Linux. The doubt is a receive descriptor that changes
 * while the card owns it, as a driver's change does that is seen in its middle.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { CONFIG_SPACE } from '../../dsslang/index.ts';
import { RECORD_SIZE_BYTES } from '../backing/model/dma-memory.ts';
import { inPackage } from '../devices.ts';
import { InlineDevice } from '../inline/inline-device.ts';
import { rtl8139Model } from '../rtl8139/model.ts';
import * as r from '../rtl8139/registers.ts';
import { loadSpecification, type LoadedSpecification } from '../specification.ts';
import { SHIELD_ROWS } from './devices.ts';
import { GuestRvm } from './guest-rvm.ts';
import { findPointers } from './pointers.ts';
import { BELIEF_US } from './pool-doubt.ts';
import { memoryBytes, shadowFor } from './shadow-for.ts';

const GUEST_BYTES = 4 << 20;
const TX_RING = 0x10_0000;
const RX_RING = 0x10_1000;
const TX_BUFFER = 0x20_0000;
const RX_BUFFER = 0x21_0000;
const ENTRIES = 4;
const RX_BYTES = 1536;
const FRAME_BYTES = 64;
const POLL_US = 1000;
const GIVEN = (r.D_OWN | r.D_FS | r.D_LS | FRAME_BYTES) >>> 0;
const THPDS_LO = 0x28;
const TPPOLL_HPQ = 0x80;
const TPPOLL_SOFTWARE_INTERRUPT = 0x01;

let specification: LoadedSpecification;
before(async () => {
  specification = await loadSpecification(inPackage('drivers/rtl8139/rtl8139.dss'));
});

/** A card that runs both rings, its guest and what lies between. */
class Bench {
  readonly rvm: GuestRvm;
  readonly frames: Uint8Array[] = [];
  readonly refusals: string[] = [];
  /** What reached the card's TPPOLL. */
  readonly demands: number[] = [];
  readonly #card: InlineDevice;
  readonly #words: DataView;
  #entry = 0;

  constructor() {
    const { program, module } = specification;
    const pointers = findPointers(program);
    const memory = new ArrayBuffer(memoryBytes(pointers, GUEST_BYTES));
    const card = new InlineDevice(rtl8139Model, { buffers: { memory, record: new ArrayBuffer(RECORD_SIZE_BYTES) } });
    card.ends.wire?.onFrame((frame) => this.frames.push(frame));
    this.#card = card;
    this.#words = new DataView(memory);
    const bytes = new Uint8Array(memory);
    const shadow = shadowFor(
      pointers,
      {
        read: (address, into) => into.set(bytes.subarray(address, address + into.length)),
        write: (address, from) => bytes.set(from, address),
      },
      GUEST_BYTES,
    );
    const demand = SHIELD_ROWS.find(({ name }) => name === '8139')?.demand;
    assert.ok(demand !== undefined);
    this.rvm = new GuestRvm({
      device: {
        read: (...args) => card.read(...args),
        write: (space, offset, width, value) => {
          if (space === r.BAR_REGISTERS && offset === r.TPPOLL) this.demands.push(value);
          card.write(space, offset, width, value);
        },
        readMemory: (address, into) => card.readMemory(address, into),
        writeMemory: (address, from) => card.writeMemory(address, from),
        onInterrupt: (handler) => card.onInterrupt(handler),
        now: () => card.now(),
        detach: () => card.detach(),
      },
      program,
      monitor: module,
      guestBytes: GUEST_BYTES,
      shadow,
      demand,
      pointers: 'registers' in pointers ? pointers.registers : [],
      places: [],
      onViolation: (fault) => this.refusals.push(fault.kind === 'violation' ? fault.rule.reason : fault.kind),
      onWithdrawn: () => undefined,
    });
    this.#begin();
  }

  #begin(): void {
    for (let entry = 0; entry < ENTRIES; entry += 1) {
      const end = entry === ENTRIES - 1 ? r.D_EOR : 0;
      this.store(TX_RING + 16 * entry, end);
      this.store(RX_RING + 16 * entry, (r.D_OWN | end | RX_BYTES) >>> 0, 0, RX_BUFFER + 2048 * entry);
    }
    this.rvm.write(CONFIG_SPACE, r.PCI_COMMAND, 2, 0x0107);
    this.set(r.CPCR, 2, r.CPCR_TXEN | r.CPCR_RXEN);
    this.set(r.TNPDS_LO, 4, TX_RING);
    this.set(r.RDSAR_LO, 4, RX_RING);
    this.start();
    assert.deepEqual(this.refusals, []);
  }

  start(): void {
    this.set(r.CR, 1, r.CR_TE | r.CR_RE);
  }

  set(offset: number, width: 1 | 2 | 4, value: number): void {
    this.rvm.write(r.BAR_REGISTERS, offset, width, value);
  }

  store(address: number, ...values: readonly number[]): void {
    values.forEach((value, index) => this.#words.setUint32(address + 4 * index, value, true));
  }

  command(entry: number): number {
    return this.#words.getUint32(TX_RING + 16 * entry, true);
  }

  /** The next frame into the ring, and the demand. */
  transmit(bits = r.TPPOLL_NPQ): void {
    this.store(TX_RING + 16 * this.#entry, GIVEN, 0, TX_BUFFER);
    this.#entry += 1;
    this.set(r.TPPOLL, 1, bits);
  }

  /** The card owns this receive descriptor: it cannot lead elsewhere. */
  change(): void {
    this.store(RX_RING + 16 + 8, RX_BUFFER);
  }

  /** And is as it was. */
  restore(): void {
    this.store(RX_RING + 16 + 8, RX_BUFFER + 2048);
  }

  poll(times = 1): void {
    for (let each = 0; each < times; each += 1) {
      this.#card.pass(POLL_US);
      this.rvm.poll();
    }
  }
}

test('a transmit poll demand that falls into a doubt is made again when the doubt ends, and the frame is sent', () => {
  const bench = new Bench();
  bench.transmit();
  assert.equal(bench.frames.length, 1, 'without a doubt: at once');
  bench.change();
  bench.transmit();
  bench.poll(3);
  assert.equal(bench.frames.length, 1, 'the card has the copies of before');
  bench.restore();
  bench.poll();
  assert.equal(bench.frames.length, 2);
  bench.poll();
  assert.equal(bench.command(1) & r.D_OWN, 0, 'and the guest has its descriptor back');
  bench.poll(10);
  assert.deepEqual(bench.demands, [r.TPPOLL_NPQ, r.TPPOLL_NPQ, r.TPPOLL_NPQ], 'once, and no more');
  assert.deepEqual(bench.refusals, []);
});

test('a doubt that a write of the guest finds ended is no reason to forget the demand', () => {
  const bench = new Bench();
  bench.change();
  bench.transmit();
  bench.restore();
  bench.set(r.IMR, 2, 0);
  bench.poll();
  assert.equal(bench.frames.length, 1);
});

test('what a demand does beside is not done twice, and two that wait are one', () => {
  const bench = new Bench();
  bench.change();
  bench.transmit(r.TPPOLL_NPQ | TPPOLL_SOFTWARE_INTERRUPT);
  bench.transmit();
  bench.restore();
  bench.poll(3);
  assert.equal(bench.frames.length, 2);
  assert.deepEqual(bench.demands.slice(2), [r.TPPOLL_NPQ]);
});

test('a demand is judged again: what is refused by then is not made, and nobody is blamed', () => {
  const bench = new Bench();
  const high = TX_RING + 0x800;
  bench.store(high, r.D_EOR);
  bench.set(r.CR, 1, r.CR_RE);
  bench.set(THPDS_LO, 4, high);
  bench.start();
  bench.set(r.TPPOLL, 1, TPPOLL_HPQ);
  bench.change();
  bench.set(r.TPPOLL, 1, TPPOLL_HPQ);
  // The ring of high priority is no longer in use, and moves to where there is no memory.
  bench.set(r.CR, 1, 0);
  bench.set(THPDS_LO, 4, 0xffff_ff00);
  bench.restore();
  bench.poll(3);
  assert.deepEqual(bench.demands, [TPPOLL_HPQ, TPPOLL_HPQ]);
  assert.deepEqual(bench.refusals, []);
});

test('with the device goes the demand', () => {
  const bench = new Bench();
  bench.change();
  bench.transmit();
  bench.poll(BELIEF_US / POLL_US + 1);
  assert.deepEqual(bench.refusals, ['a receive descriptor belongs to the card until it clears OWN']);
  bench.rvm.write(CONFIG_SPACE, r.PCI_COMMAND, 2, 0);
  bench.rvm.write(CONFIG_SPACE, r.PCI_COMMAND, 2, 0x0107);
  bench.restore();
  bench.poll(3);
  assert.deepEqual(bench.demands, [r.TPPOLL_NPQ]);
  assert.equal(bench.frames.length, 0);
});
