/**
 * The UHCI model against QEMU's controller: the same register accesses give the same values, and the same transfers end the
 * same way. Time is QEMU's own, so registers are compared while the schedule stands still, and transfers when they are done.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import type { Device, OpenBacking } from '../../kernel/abi.ts';
import { qemuVersion } from '../backing/qemu/index.ts';
import { seededRandom } from '../testing/random.ts';
import { UHCI } from './entry.ts';
import * as r from './registers.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe(
  'the uhci model and QEMU agree',
  { skip: (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed' : false },
  () => {
    const open: OpenBacking[] = [];
    let devices: Device[] = [];
    before(async () => {
      for (const backing of [UHCI.backings.model(), UHCI.backings.qemu()]) open.push(await backing.open());
      devices = open.map((each) => each.attachHere());
    });
    after(async () => {
      for (const device of devices) device.detach();
      for (const each of open) await each.close();
    });

    /** The answers of both, which must be the same. */
    function same(what: string, ask: (device: Device, base: number) => unknown): void {
      const [model, qemu] = devices.map((device, index) => ask(device, open[index]?.dma.base ?? 0));
      assert.deepEqual(model, qemu, what);
    }
    const fresh = (device: Device): void => {
      device.write(CONFIG_SPACE, r.PCI_COMMAND, 2, r.PCI_COMMAND_IO | r.PCI_COMMAND_MASTER);
      device.write(r.BAR_IO, r.USBCMD, 2, r.CMD_HCRESET);
      device.write(r.BAR_IO, r.FRNUM, 2, 0); // which QEMU keeps over a reset
    };
    const REGISTERS = [r.USBCMD, r.USBSTS, r.USBINTR, r.FRNUM, r.FLBASEADD, r.FLBASEADD + 2, r.SOFMOD, r.PORTSC1, r.PORTSC2, 0x14]; // prettier-ignore
    const look = (device: Device): string =>
      REGISTERS.map((register) => `${register.toString(16)}:${device.read(r.BAR_IO, register, 2).toString(16)}`).join(
        ' ',
      );

    it('after a reset', () => same('registers', (device) => (fresh(device), look(device))));

    it('about what is left of random writes to every register while the schedule stands still', () => {
      for (let seed = 1; seed <= 20; seed += 1) {
        devices.forEach(fresh);
        const random = seededRandom(seed);
        for (let step = 0; step < 40; step += 1) {
          const register = REGISTERS[random(REGISTERS.length)] ?? 0;
          let value = random(0x1_0000);
          // A running schedule and a global reset take time; EGSM and FGR mean something only to a bus with real devices.
          if (register === r.USBCMD) value &= r.CMD_CF | r.CMD_MAXP | 0x20;
          // Suspend, resume and what is reserved differ: QEMU keeps every bit of the ports.
          if (register === r.PORTSC1 || register === r.PORTSC2) value &= 0x020e;
          // QEMU keeps what is reserved there.
          if (register === r.SOFMOD) value &= 0x7f;
          if (register === r.USBINTR) value &= r.INTR_ALL;
          for (const device of devices) device.write(r.BAR_IO, register, 2, value);
          same(`seed ${seed}, step ${step}: ${register.toString(16)} = ${value.toString(16)}`, look);
        }
      }
    });

    it('about identity and the head of configuration space', () => {
      for (const offset of [0x00, 0x02, 0x06, 0x08, 0x0a, 0x0e, 0x60])
        same(`configuration ${offset.toString(16)}`, (device) => device.read(CONFIG_SPACE, offset, 2));
    });

    it('about how transfers end: setup, data, status, a stall, and nobody there', async () => {
      const bytes = (...of: readonly number[]): Uint8Array => Uint8Array.from(of);
      const words = (...of: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(of.map((each) => each >>> 0)).buffer); // prettier-ignore
      const token = (pid: number, address: number, toggle: number, length: number): number =>
        pid | (address << 8) | (toggle << 19) | (((length - 1) & 0x7ff) << 21);
      const requests = [
        bytes(0x80, 6, 0, 1, 0, 0, 8, 0), // the device descriptor
        bytes(0x80, 6, 0, 0x77, 0, 0, 8, 0), // no such descriptor: a stall
        bytes(0x80, 8, 0, 0, 0, 0, 1, 0), // the configuration
      ];
      for (const address of [0, 9]) {
        for (const request of requests) {
          const ends: unknown[] = [];
          for (const [index, device] of devices.entries()) {
            const base = open[index]?.dma.base ?? 0;
            const [queue, td, data] = [base + 0x2000, base + 0x3000, base + 0x4000];
            fresh(device);
            device.writeMemory(base, words(...Array.from({ length: r.FRAMES }, () => queue | r.LINK_QUEUE)));
            device.writeMemory(queue, words(r.LINK_END, td));
            device.writeMemory(data, request);
            device.writeMemory(data + 64, new Uint8Array(8));
            const status = r.TD_ACTIVE | (3 << r.TD_ERRORS_SHIFT);
            const want = request[6] ?? 0;
            device.writeMemory(
              td,
              words(
                ...[(td + 16) | r.LINK_DEPTH, status, token(r.PID_SETUP, address, 0, 8), data],
                ...[(td + 32) | r.LINK_DEPTH, status, token(r.PID_IN, address, 1, want), data + 64],
                ...[r.LINK_END, status | r.TD_IOC, token(r.PID_OUT, address, 1, 0), 0],
              ),
            );
            device.write(r.BAR_IO, r.PORTSC1, 2, r.PORT_RESET);
            device.write(r.BAR_IO, r.PORTSC1, 2, 0);
            device.write(r.BAR_IO, r.PORTSC1, 2, r.PORT_ENABLED);
            device.write(r.BAR_IO, r.FLBASEADD, 4, base);
            device.write(r.BAR_IO, r.USBCMD, 2, r.CMD_RS | r.CMD_MAXP);
            const found = new Uint8Array(48);
            for (let tries = 0; tries < 100; tries += 1) {
              await sleep(3);
              device.read(r.BAR_IO, r.FRNUM, 2); // lets the model's time pass
              device.readMemory(td, found);
              const active = (at: number): boolean => ((found[at + 6] ?? 0) & 0x80) !== 0;
              const stalled = [4, 20].some((at) => ((found[at + 2] ?? 0) & 0x40) !== 0);
              if (!active(32) || stalled) break;
            }
            device.write(r.BAR_IO, r.USBCMD, 2, 0);
            await sleep(3);
            const view = new DataView(found.buffer);
            const of = (at: number): string => {
              const value = view.getUint32(at, true);
              const kept = r.TD_ACTIVE | r.TD_STALLED | r.TD_TIMEOUT | ((value & r.TD_STALLED) === 0 ? r.TD_ACTUAL : 0);
              return (value & kept).toString(16);
            };
            // QEMU does not set STALLED where nobody answers, and says so at once instead of at the third try.
            if ((view.getUint32(4, true) & r.TD_TIMEOUT) !== 0) {
              ends.push('silent');
              continue;
            }
            // QEMU's devices stall a setup packet, which 8.5.2 forbids; the model's stall what follows.
            const all = [4, 20, 36].map(of);
            ends.push(all.includes(r.TD_STALLED.toString(16)) ? 'stalled' : all);
          }
          assert.deepEqual(ends[0], ends[1], `address ${address}, request ${[...request].join(' ')}`);
        }
      }
    });
  },
);
