/**
 * The model against QEMU's rtl8139: the same registers, descriptors and frames to both, and everything compared.
 *
 * Random work in C+ mode, most of it sensible: descriptors with and without OWN, packets in pieces, end marks at odd places,
 * buffers that are too small; register writes with all bits. A run prints its seed.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Device, OpenBacking } from '../../kernel/index.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking, qemuVersion } from '../backing/qemu/index.ts';
import { seededRandom } from '../testing/random.ts';
import { rtl8139Model } from './model.ts';
import * as r from './registers.ts';

const seed = Number(process.env['REFMON_SEED'] ?? Date.now() & 0x7fff_ffff);
const ROUNDS = 150;
const PATIENCE_MS = 3000;
/** Offsets from the start of each device's own DMA memory. */
const TX_RING = 0x0000;
const RX_RING = 0x1000;
const BUFFERS = 0x2000;
const BUFFERS_BYTES = 0x8000;
const TALLY = 0xa000;
const END = 0xb000;

interface Side {
  readonly open: OpenBacking;
  readonly device: Device;
  readonly frames: Uint8Array[];
}

/** Registers that both have, and that hold still between calls. */
const COMPARED: readonly (readonly [name: string, offset: number, width: 1 | 2 | 4])[] = [
  ['IDR0', r.IDR0, 4],
  ['IDR4', r.IDR4, 2],
  ['MAR0', r.MAR0, 4],
  ['MAR4', r.MAR4, 4],
  ['CR', r.CR, 1],
  ['IMR', r.IMR, 2],
  ['ISR', r.ISR, 2],
  ['TCR', r.TCR, 4],
  ['RCR', r.RCR, 4],
  ['CPCR', r.CPCR, 2],
  ['RDSAR_HI', r.RDSAR_HI, 4],
  ['MSR', r.MSR, 1],
  ['PCI command', 0, 2],
];

const missing = (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed' : false;

describe("the RTL8139C+ model against QEMU's", { skip: missing }, () => {
  let sides: readonly Side[] = [];
  let compared = 0;
  const next = seededRandom(seed);
  const again = `repeat: REFMON_SEED=${seed} node --test dist/drivers/rtl8139/model-differential.test.js`;

  before(async () => {
    const opened = await Promise.all([qemuBacking({ device: 'rtl8139' }).open(), modelBacking(rtl8139Model).open()]);
    sides = opened.map((open) => {
      const frames: Uint8Array[] = [];
      open.wire?.onFrame((frame) => frames.push(frame));
      const device = open.attachHere();
      device.write(6, r.PCI_COMMAND, 2, 7);
      device.write(1, r.CR, 1, r.CR_RST);
      return { open, device, frames };
    });
  });
  after(async () => {
    for (const { device, open } of sides) {
      device.detach();
      await open.close();
    }
  });

  const both = (action: (side: Side) => void): void => sides.forEach(action);
  const write = (offset: number, width: 1 | 2 | 4, value: number): void =>
    both(({ device }) => device.write(1, offset, width, value));
  const point = (low: number, at: number): void =>
    both(({ device, open }) => {
      device.write(1, low, 4, open.dma.base + at);
      device.write(1, low + 4, 4, 0);
    });
  const put = (at: number, make: (base: number) => Uint8Array): void =>
    both(({ device, open }) => device.writeMemory(open.dma.base + at, make(open.dma.base)));

  function descriptor(base: number, command: number, at: number): Uint8Array {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(command >>> 0, 0);
    bytes.writeUInt32LE(base + at, 8);
    return bytes;
  }

  /** All registers and all memory; addresses differ by the sides' bases. */
  function compare(what: string): void {
    const [qemu, model] = sides.map(({ device, open }) => {
      const registers = COMPARED.map(([name, offset, width]) =>
        name === 'PCI command' ? device.read(6, r.PCI_COMMAND, width) : device.read(1, offset, width),
      );
      const memory = Buffer.alloc(END);
      device.readMemory(open.dma.base, memory);
      for (const ring of [TX_RING, RX_RING]) {
        for (let at = ring; at < ring + 64 * 16; at += 16) {
          const address = memory.readUInt32LE(at + 8);
          if (address !== 0) memory.writeUInt32LE(address - open.dma.base, at + 8);
        }
      }
      return { registers, memory };
    });
    COMPARED.forEach(([name], index) => {
      assert.equal(model?.registers[index], qemu?.registers[index], `${name} ${what}; ${again}`);
    });
    const at = qemu?.memory.findIndex((byte, index) => byte !== model?.memory[index]);
    assert.equal(at, -1, `memory at 0x${at?.toString(16)} ${what}; ${again}`);
    compared += 1;
  }

  const start = (): void => {
    write(r.CR, 1, 0);
    write(r.CPCR, 2, r.CPCR_TXEN | r.CPCR_RXEN);
    point(r.TNPDS_LO, TX_RING);
    point(r.RDSAR_LO, RX_RING);
    write(r.CR, 1, r.CR_TE | r.CR_RE);
    write(r.TCR, 4, 0x0300_0600);
    write(r.RCR, 4, r.RCR_APM | r.RCR_AB | r.RCR_AM);
    write(r.ISR, 2, 0xffff);
  };

  it('starts with the same registers, and keeps the same bits of what is written', () => {
    compare('after the reset');
    for (let round = 0; round < ROUNDS; round += 1) {
      const [name, offset, width] = COMPARED[next(COMPARED.length)] ?? COMPARED[0] ?? ['', 0, 1];
      if (['PCI command', 'MSR', 'CR', 'IDR0', 'IDR4'].includes(name)) continue;
      const value = next(2 ** 31) * 2 + next(2);
      write(offset, width, value % 2 ** (8 * width));
      compare(`after ${name} := 0x${value.toString(16)}`);
    }
    write(r.CR, 1, r.CR_RST);
    write(r.MAR0, 4, 0);
    write(r.MAR4, 4, 0);
    compare('after another reset');
  });

  it('transmits the same packets from the same descriptors', async () => {
    start();
    const sent = Buffer.from(Uint8Array.from({ length: BUFFERS_BYTES }, () => next(256)));
    put(BUFFERS, () => sent);
    for (let round = 0; round < ROUNDS; round += 1) {
      const count = 1 + next(4);
      const from = next(4) === 0 ? next(60) : 0;
      for (let index = 0; index < count; index += 1) {
        const flags =
          (next(8) === 0 ? 0 : r.D_OWN) |
          (index === 0 || next(6) === 0 ? r.D_FS : 0) |
          (index === count - 1 || next(6) === 0 ? r.D_LS : 0) |
          (next(10) === 0 ? r.D_EOR : 0);
        const [at, length] = [BUFFERS + next(BUFFERS_BYTES - 0x800), 20 + next(500)];
        put(TX_RING + 16 * (from + index), (base) => descriptor(base, flags | length, at));
      }
      write(r.CR, 1, r.CR_TE | r.CR_RE); // begin at the first descriptor again
      for (let poll = 0; poll < 2; poll += 1) write(r.TPPOLL, 1, r.TPPOLL_NPQ);
      compare(`after polling for descriptors from ${from}, round ${round}`);
    }
    // A last frame that is like no other tells when all have come.
    put(BUFFERS, () => new Uint8Array(100).fill(0xee));
    put(TX_RING, (base) => descriptor(base, r.D_OWN | r.D_FS | r.D_LS | 100, BUFFERS));
    write(r.CR, 1, r.CR_TE | r.CR_RE);
    write(r.TPPOLL, 1, r.TPPOLL_NPQ);
    const isLast = (frame: Uint8Array | undefined): boolean => frame?.every((byte) => byte === 0xee) === true;
    await settled(() => sides.every(({ frames }) => isLast(frames.at(-1))));
    const [qemu = [], model = []] = sides.map(({ frames }) =>
      frames.map((frame) => Buffer.from(frame).toString('hex')),
    );
    assert.ok(model.length > 10);
    assert.deepEqual(model, qemu, again);
  });

  it('receives the same frames into the same memory', async () => {
    start();
    put(RX_RING, () => new Uint8Array(64 * 16));
    for (let round = 0; round < ROUNDS; round += 1) {
      if (next(3) > 0) {
        const flags = (next(6) === 0 ? 0 : r.D_OWN) | (next(8) === 0 ? r.D_EOR : 0);
        const index = next(6);
        const size = next(5) === 0 ? 40 : 1536;
        put(RX_RING + 16 * index, (base) => descriptor(base, flags | size, BUFFERS + 0x800 * index));
      }
      const to =
        [[0x52, 0x54, 0, 0x12, 0x34, 0x56], new Array<number>(6).fill(0xff), [1, 0, 0x5e, 0, 0, 1]][next(3)] ?? [];
      const frame = Uint8Array.from({ length: 60 + next(200) }, () => next(256));
      frame.set(to);
      write(r.MAR0, 4, next(2) === 0 ? 0 : 2 ** 31);
      const before = sides.map((side) => looked(side));
      both(({ open }) => open.wire?.send(frame));
      // A marker that nobody takes would leave no trace: what tells that QEMU has seen a frame is its effect on the model.
      const expected = looked(sides[1]);
      if (expected !== before[1]) await settled(() => looked(sides[0]) !== before[0]);
      else await new Promise((resolve) => setTimeout(resolve, 2));
      compare(`after frame ${round}`);
      write(r.ISR, 2, 0xffff);
    }
  });

  it('counts the same', (t) => {
    point(r.DTCCR_LO, TALLY);
    both(({ device, open }) => device.write(1, r.DTCCR_LO, 4, open.dma.base + TALLY + r.DTCCR_DUMP));
    const [qemu, model] = sides.map(({ device, open }) => {
      const tally = Buffer.alloc(r.TALLY_SIZE_BYTES);
      device.readMemory(open.dma.base + TALLY, tally);
      return {
        sent: tally.readUInt32LE(r.TALLY_TX_OK),
        received: tally.readUInt32LE(r.TALLY_RX_OK),
        missed: tally.readUInt16LE(r.TALLY_MISSED),
        multicast: tally.readUInt32LE(r.TALLY_RX_OK_MULTICAST),
      };
    });
    assert.deepEqual(model, qemu, again);
    t.diagnostic(`seed ${seed}: ${compared} comparisons of registers and memory; ${again}`);
  });

  /** What a frame changes: causes, and the commands of the receive ring. */
  function looked(side: Side | undefined): string {
    if (side === undefined) return '';
    const ring = Buffer.alloc(64 * 16);
    side.device.readMemory(side.open.dma.base + RX_RING, ring);
    return `${side.device.read(1, r.ISR, 2)} ${side.device.read(1, r.MPC, 4)} ${ring.toString('hex')}`;
  }
});

async function settled(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!holds() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 1));
}
