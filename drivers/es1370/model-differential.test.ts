/**
 * The ES1370 model against QEMU's own device: the same random accesses to channels that stand still give the same values, and
 * the same channel, run until it has interrupted, stopped and acknowledged, leaves the same status and moves the same line.
 * Where a channel is while it runs is not compared: the two have clocks of their own. QEMU's plays to nobody: each change of a
 * rate or format opens a voice anew, which takes it seconds where sound goes to a file.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONFIG_SPACE, type Width } from '../../dsslang/runtime.ts';
import type { Device } from '../../kernel/abi.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking, qemuVersion } from '../backing/qemu/index.ts';
import { seededRandom } from '../testing/random.ts';
import { es1370Model } from './model.ts';
import * as r from './registers.ts';

const STEPS = 2000;
const skip =
  (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)' : false;

type Pair<T> = readonly [model: T, qemu: T];

/** Both devices, their ports on and, if asked for, bus mastering; with the start of each one's DMA memory. */
async function both(
  command: number,
  body: (devices: Pair<Device>, bases: Pair<number>) => Promise<void> | void,
): Promise<void> {
  const opened = [
    await modelBacking(es1370Model).open(),
    await qemuBacking({ device: 'es1370-recording' }).open(),
  ] as const;
  const devices = [opened[0].attachHere(), opened[1].attachHere()] as const;
  try {
    for (const device of devices) device.write(CONFIG_SPACE, r.PCI_COMMAND, 2, command);
    await body(devices, [opened[0].dma.base, opened[1].dma.base]);
  } finally {
    for (const device of devices) device.detach();
    for (const open of opened) await open.close();
  }
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; !isSo();) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ENABLES = r.CONTROL_ADC_EN | r.CONTROL_DAC2_EN | r.CONTROL_DAC1_EN;
const REGISTERS = [
  r.CONTROL, r.STATUS, r.MEM_PAGE, r.CODEC, r.SERIAL, r.DAC1_COUNT, r.DAC2_COUNT, r.ADC_COUNT,
  r.ADDRESS_A, r.SIZE_A, r.ADDRESS_B, r.SIZE_B,
]; // prettier-ignore
const WIDTHS: readonly Width[] = [1, 2, 4];

/** A channel, and where its buffer is told. */
const CHANNELS = [
  {
    name: 'DAC1',
    ...{ page: r.PAGE_DAC, address: r.ADDRESS_A, size: r.SIZE_A, count: r.DAC1_COUNT },
    ...{ enable: r.CONTROL_DAC1_EN, status: r.STATUS_DAC1, interrupt: r.SERIAL_P1_INT_EN },
  },
  {
    name: 'DAC2',
    ...{ page: r.PAGE_DAC, address: r.ADDRESS_B, size: r.SIZE_B, count: r.DAC2_COUNT },
    ...{ enable: r.CONTROL_DAC2_EN, status: r.STATUS_DAC2, interrupt: r.SERIAL_P2_INT_EN },
  },
  {
    name: 'the ADC',
    ...{ page: r.PAGE_ADC, address: r.ADDRESS_A, size: r.SIZE_A, count: r.ADC_COUNT },
    ...{ enable: r.CONTROL_ADC_EN, status: r.STATUS_ADC, interrupt: r.SERIAL_R1_INT_EN },
  },
] as const;
const FORMATS = r.SERIAL_P1_FORMAT | r.SERIAL_P2_FORMAT | r.SERIAL_R1_FORMAT;
/** 44.1 kHz by the divider, and for DAC1 by its own two bits. */
const RATE = (30 << r.CONTROL_PCLKDIV_SHIFT) | (3 << 12);

describe("the ES1370 model and QEMU's device agree", { skip }, () => {
  it(`on ${STEPS} random accesses to channels that do not run`, async (t) => {
    const seed = Number(process.env['REFMON_SEED'] ?? 13_700);
    t.diagnostic(`seed ${seed}; repeat: REFMON_SEED=${seed}`);
    const random = seededRandom(seed);
    await both(r.PCI_COMMAND_IO, (devices) => {
      for (let step = 0; step < STEPS; step += 1) {
        // Mostly registers that are there, whole; also parts of them, and what lies between and behind them.
        const isKnown = random(8) !== 0;
        const offset = isKnown ? (REGISTERS[random(REGISTERS.length)] ?? 0) : random(0x60);
        const width = isKnown && random(4) !== 0 ? 4 : (WIDTHS[random(WIDTHS.length)] ?? 4);
        const wanted = random(2) === 0 ? random(0x1_0000) * 0x1_0000 + random(0x1_0000) : 2 ** random(32);
        // Half of the pages have channels.
        const value = offset === r.MEM_PAGE && random(2) === 0 ? r.PAGE_DAC + random(2) : wanted % 2 ** (8 * width);
        const written = offset === r.CONTROL ? (value & ~ENABLES) >>> 0 : value;
        if (random(2) === 0) for (const device of devices) device.write(r.BAR, offset, width, written);
        const [model, qemu] = devices.map((device) => device.read(r.BAR, offset, width));
        assert.equal(model, qemu, `step ${step}: offset 0x${offset.toString(16)}, ${width} bytes`);
      }
    });
  });

  for (const channel of CHANNELS) {
    it(`on status and line of ${channel.name}, run until it interrupts, stopped and acknowledged`, async () => {
      await both(r.PCI_COMMAND_IO | r.PCI_COMMAND_MASTER, async (devices, bases) => {
        const edges: Pair<(0 | 1)[]> = [[], []];
        devices.forEach((device, index) => {
          device.onInterrupt((level) => edges[index]?.push(level));
          device.write(r.BAR, r.MEM_PAGE, 4, channel.page);
          device.write(r.BAR, channel.address, 4, bases[index] ?? 0);
          device.write(r.BAR, channel.size, 4, 1023);
          device.write(r.BAR, channel.count, 4, 255);
          device.write(r.BAR, r.SERIAL, 4, FORMATS | channel.interrupt);
          device.write(r.BAR, r.CONTROL, 4, RATE | channel.enable);
        });
        const read = (register: number): readonly number[] => devices.map((device) => device.read(r.BAR, register, 4));
        await until(() => read(r.STATUS).every((status) => (status & channel.status) !== 0), 'no status came');
        await until(() => edges.every((each) => each.length === 1), 'the line did not rise');
        for (const device of devices) device.write(r.BAR, r.CONTROL, 4, RATE);
        for (const register of [r.CONTROL, r.STATUS, r.SERIAL])
          assert.equal(read(register)[0], read(register)[1], `stopped: 0x${register.toString(16)}`);
        for (const device of devices) device.write(r.BAR, r.SERIAL, 4, FORMATS);
        assert.equal(read(r.STATUS)[0], read(r.STATUS)[1], 'acknowledged');
        // A stopped channel goes on from where it is told to.
        for (const device of devices) {
          device.write(r.BAR, channel.size, 4, (77 << 16) | 500);
          device.write(r.BAR, channel.count, 4, 99);
        }
        for (const register of [channel.size, channel.count])
          assert.equal(read(register)[0], read(register)[1], `programmed anew: 0x${register.toString(16)}`);
        await until(() => edges.every((each) => each.length === 2), 'the line did not fall');
        assert.deepEqual(edges, [[1, 0], [1, 0]]); // prettier-ignore
      });
    });
  }
});
