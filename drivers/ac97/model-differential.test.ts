/**
 * The AC'97 model, as QEMU has it, against QEMU's own device: the same random accesses to the codec and to stopped engines, and
 * the same list played to its end, give the same values. What runs in time is compared where it has come to rest.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONFIG_SPACE, type Space, type Width } from '../../dsslang/runtime.ts';
import type { Device, OpenBacking } from '../../kernel/abi.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking, qemuVersion } from '../backing/qemu/index.ts';
import { seededRandom } from '../testing/random.ts';
import { ac97Model } from './model.ts';
import * as r from './registers.ts';

const STEPS = 3000;
const skip =
  (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)' : false;

/** Both devices, their ports on and, if asked for, bus mastering. */
async function both(
  command: number,
  body: (devices: readonly [Device, Device], opened: readonly [OpenBacking, OpenBacking]) => Promise<void>,
): Promise<void> {
  const opened = [
    await modelBacking(ac97Model, { model: { personality: 'qemu-7.2' } }).open(),
    await qemuBacking({ device: 'ac97' }).open(),
  ] as const;
  const devices = [opened[0].attachHere(), opened[1].attachHere()] as const;
  try {
    for (const device of devices) device.write(CONFIG_SPACE, r.PCI_COMMAND, 2, command);
    await body(devices, opened);
  } finally {
    for (const device of devices) device.detach();
    for (const open of opened) await open.close();
  }
}

const ENGINE_REGISTERS: readonly (readonly [offset: number, width: Width])[] = [
  [r.BDBAR, 4], [r.CIV, 1], [r.LVI, 1], [r.SR, 1], [r.SR, 2], [r.PICB, 2], [r.PIV, 1], [r.CR, 1], [r.CIV, 4], [r.PICB, 4],
]; // prettier-ignore

describe("the AC'97 model and QEMU's device agree", { skip }, () => {
  it(`on ${STEPS} random accesses to the codec and to engines that do not run`, async (t) => {
    const seed = Number(process.env['REFMON_SEED'] ?? 20_261);
    t.diagnostic(`seed ${seed}; repeat: REFMON_SEED=${seed}`);
    const random = seededRandom(seed);
    await both(r.PCI_COMMAND_IO, (devices) => {
      for (let step = 0; step < STEPS; step += 1) {
        const value = random(2) === 0 ? random(0x1_0000) : 1 << random(16);
        let access: readonly [Space, number, Width];
        if (random(2) === 0) access = [r.BAR_MIXER, 2 * random(64), 2];
        else if (random(4) === 0)
          access = random(2) === 0 ? [r.BAR_BUS_MASTER, r.GLOB_CNT, 4] : [r.BAR_BUS_MASTER, r.CAS, 1];
        else {
          const [offset, width] = ENGINE_REGISTERS[random(ENGINE_REGISTERS.length)] ?? [r.CR, 1];
          access = [r.BAR_BUS_MASTER, random(3) * r.ENGINE_STRIDE + offset, width];
        }
        const [space, offset, width] = access;
        const register = space === r.BAR_BUS_MASTER && offset < r.GLOB_CNT ? offset % r.ENGINE_STRIDE : -1;
        // Nothing runs here; and QEMU keeps reserved bits of SR that are written as 1, which the model does not.
        const mask = register === r.CR ? ~r.CR_RPBM : register === r.SR ? 0x1f : -1;
        const written = ((value & mask) >>> 0) % 2 ** (8 * width);
        if (random(2) === 0) for (const device of devices) device.write(space, offset, width, written);
        const [model, qemu] = devices.map((device) => device.read(space, offset, width));
        assert.equal(model, qemu, `step ${step}: space ${space}, offset 0x${offset.toString(16)}, ${width} bytes`);
      }
      return Promise.resolve();
    });
  });

  it('on where an engine has come to rest: at the last valid index, after another, and after a pause', async () => {
    await both(r.PCI_COMMAND_IO | r.PCI_COMMAND_MASTER, async (devices, opened) => {
      const engine = (register: number): number => r.PCM_OUT * r.ENGINE_STRIDE + register;
      const bases = opened.map(({ dma }) => dma.base);
      const rest = (device: Device): readonly number[] =>
        ([r.CIV, r.LVI, r.PIV, r.CR] as const)
          .map((register) => device.read(r.BAR_BUS_MASTER, engine(register), 1))
          .concat(device.read(r.BAR_BUS_MASTER, engine(r.SR), 2), device.read(r.BAR_BUS_MASTER, engine(r.PICB), 2));
      const settled = async (): Promise<void> => {
        const deadline = performance.now() + 10_000;
        const isDone = (device: Device): boolean => (device.read(r.BAR_BUS_MASTER, engine(r.SR), 2) & r.SR_DCH) !== 0;
        while (!devices.every(isDone)) {
          assert.ok(performance.now() < deadline, 'an engine never came to rest');
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        assert.deepEqual(rest(devices[0]), rest(devices[1]));
      };
      devices.forEach((device, index) => {
        const base = bases[index] ?? 0;
        const list = new DataView(new ArrayBuffer(256));
        for (let entry = 0; entry < 32; entry += 1) {
          list.setUint32(8 * entry, base + 4096, true);
          list.setUint16(8 * entry + 4, entry === 2 ? 0 : 512, true);
          list.setUint16(8 * entry + 6, entry % 2 === 0 ? r.BUFFER_IOC : 0, true);
        }
        device.writeMemory(base, new Uint8Array(list.buffer));
        device.write(r.BAR_BUS_MASTER, engine(r.CR), 1, r.CR_RR);
        device.write(r.BAR_BUS_MASTER, engine(r.BDBAR), 4, base);
        device.write(r.BAR_BUS_MASTER, engine(r.LVI), 1, 3);
        device.write(r.BAR_BUS_MASTER, engine(r.CR), 1, r.CR_RPBM);
      });
      await settled();
      for (const device of devices) device.write(r.BAR_BUS_MASTER, engine(r.LVI), 1, 5);
      await settled();
      for (const device of devices) {
        device.write(r.BAR_BUS_MASTER, engine(r.SR), 2, r.SR_CLEAR);
        device.write(r.BAR_BUS_MASTER, engine(r.CR), 1, 0);
      }
      assert.deepEqual(rest(devices[0]), rest(devices[1]));
    });
  });
});
