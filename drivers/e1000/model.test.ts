/**
 * The 82540EM model by itself, where no QEMU is needed: what the data sheet says, and what the model adds to QEMU's behaviour.
 * `model-differential.test.ts` compares the rest.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import { transmitDescriptor } from './driver-setup.ts';
import type { InlineE1000, InlineE1000Options } from './model.ts';
import { createE1000Model } from './model.ts';
import * as r from './registers.ts';

const RING = 0x1000;
const BUFFER = 0x8000;

function read(device: InlineE1000, offset: number): number {
  return device.read(r.BAR_REGISTERS, offset, 4);
}

function write(device: InlineE1000, offset: number, value: number): void {
  device.write(r.BAR_REGISTERS, offset, 4, value);
}

function card(options: InlineE1000Options = {}): InlineE1000 {
  const device = createE1000Model(options);
  device.write(CONFIG_SPACE, r.PCI_COMMAND, 2, 0x107);
  return device;
}

function transmitter(): InlineE1000 {
  const device = card();
  write(device, r.TDBAL, RING);
  write(device, r.TDLEN, 8 * r.DESCRIPTOR_SIZE_BYTES);
  write(device, r.TCTL, r.TCTL_EN);
  read(device, r.ICR);
  return device;
}

function receiver(rctl = 0): InlineE1000 {
  const device = card();
  const view = new DataView(device.memory.bytes.buffer);
  for (let index = 0; index < 8; index += 1) view.setUint32(RING + 16 * index, BUFFER + 2048 * index, true);
  write(device, r.RDBAL, RING);
  write(device, r.RDLEN, 8 * r.DESCRIPTOR_SIZE_BYTES);
  write(device, r.RCTL, (r.RCTL_EN | r.RCTL_BAM | rctl) >>> 0);
  write(device, r.RDT, 7);
  return device;
}

describe('the e1000 model', () => {
  it('holds its address in EEPROM words 0 to 2, and all words add up to 0xbaba', () => {
    const device = card({ macAddress: Uint8Array.of(2, 4, 6, 8, 10, 12) });
    const words = Array.from({ length: r.EEPROM_WORDS }, (_, word) => {
      write(device, r.EERD, r.EERD_START | (word << r.EERD_ADDRESS_SHIFT));
      assert.equal(read(device, r.EERD) & r.EERD_DONE, r.EERD_DONE);
      return read(device, r.EERD) >>> r.EERD_DATA_SHIFT;
    });
    assert.deepEqual(words.slice(0, 3), [0x0402, 0x0806, 0x0c0a]);
    assert.equal(words.reduce((sum, word) => sum + word, 0) & 0xffff, r.EEPROM_SUM);
    assert.equal(read(device, r.RAL), 0x0806_0402);
    assert.equal(read(device, r.RAH), 0x8000_0c0a);
  });

  it('resets on CTRL.RST, also through the window of BAR 1, and keeps PCI configuration', () => {
    for (const throughWindow of [false, true]) {
      const device = receiver();
      write(device, r.IMS, r.INT_LSC);
      write(device, r.ICS, r.INT_LSC);
      assert.equal(device.interruptLevel(), 1);
      if (throughWindow) {
        device.write(r.BAR_IO, r.IOADDR, 4, r.CTRL);
        device.write(r.BAR_IO, r.IODATA, 4, r.CTRL_RST);
      } else {
        write(device, r.CTRL, r.CTRL_RST);
      }
      assert.equal(device.interruptLevel(), 0);
      for (const offset of [r.RCTL, r.RDBAL, r.RDLEN, r.RDT, r.IMS, r.ICR]) assert.equal(read(device, offset), 0);
      assert.equal(read(device, r.CTRL) & r.CTRL_RST, 0);
      assert.equal(device.read(CONFIG_SPACE, r.PCI_COMMAND, 2), 0x107);
    }
  });

  it('ignores CTRL.RST and the window when it imitates QEMU 7.2', () => {
    const device = card({ personality: 'qemu-7.2' });
    write(device, r.IMS, r.INT_LSC);
    write(device, r.CTRL, r.CTRL_RST);
    assert.equal(read(device, r.IMS), r.INT_LSC);
    device.write(r.BAR_IO, r.IOADDR, 4, r.IMS);
    assert.equal(device.read(r.BAR_IO, r.IODATA, 4), 0);
  });

  it('reaches every register through the window, and nothing beyond them', () => {
    const device = card();
    device.write(r.BAR_IO, r.IOADDR, 4, r.VET);
    device.write(r.BAR_IO, r.IODATA, 4, 0x1234_5678);
    assert.equal(read(device, r.VET), 0x1234_5678);
    assert.equal(device.read(r.BAR_IO, r.IOADDR, 4), r.VET);
    for (const beyond of [r.BAR_REGISTERS_SIZE_BYTES, 0xffff_fffc]) {
      device.write(r.BAR_IO, r.IOADDR, 4, beyond);
      device.write(r.BAR_IO, r.IODATA, 4, 0xffff_ffff);
      assert.equal(device.read(r.BAR_IO, r.IODATA, 4), 0);
    }
  });

  it('transmits, writes DD back and raises TXDW and TXQE; reading ICR clears them and lowers the line', () => {
    const device = transmitter();
    const frames: Uint8Array[] = [];
    const levels: number[] = [];
    device.onTransmit((frame) => frames.push(frame));
    device.onInterrupt((level) => levels.push(level));
    write(device, r.IMS, r.INT_TXDW);
    device.memory.bytes.fill(0x42, BUFFER, BUFFER + 100);
    device.memory.bytes.set(transmitDescriptor(BUFFER, 100), RING);
    write(device, r.TDT, 1);
    assert.deepEqual(frames, [new Uint8Array(100).fill(0x42)]);
    assert.equal(device.memory.bytes[RING + r.TXD_STATUS], r.TXD_STATUS_DD);
    assert.equal(read(device, r.TDH), 1);
    assert.equal(read(device, r.ICR), r.INT_TXDW | r.INT_TXQE);
    assert.equal(read(device, r.ICR), 0);
    assert.deepEqual(levels, [1, 0]);
    assert.equal(read(device, r.TOTL), 104);
    assert.deepEqual([read(device, r.GPTC), read(device, r.GPTC)], [1, 0]);
  });

  it('ends when the tail lies outside the ring, after one time around', () => {
    const device = transmitter();
    write(device, r.TDT, 0xffff);
    assert.equal(read(device, r.TDH), 0);
    const { touches } = device.memory.since(0);
    assert.equal(touches.length, 8);
  });

  it('wraps at the top of the address space to address 0, as 64 bits do', () => {
    const device = card();
    write(device, r.TDBAH, 0xffff_ffff);
    write(device, r.TDBAL, 0xffff_fff0);
    write(device, r.TDLEN, 8 * r.DESCRIPTOR_SIZE_BYTES);
    write(device, r.TCTL, r.TCTL_EN);
    const frames: Uint8Array[] = [];
    device.onTransmit((frame) => frames.push(frame));
    device.memory.bytes.set(transmitDescriptor(BUFFER, 77), 0);
    write(device, r.TDT, 2);
    assert.deepEqual(
      frames.map((frame) => frame.length),
      [77],
    );
    const addresses = device.memory.since(0).touches.map(({ address }) => address);
    assert.deepEqual(addresses, [2 ** 64, 0, BUFFER, r.TXD_STATUS]);
  });

  it('touches no memory without bus mastering', () => {
    const device = transmitter();
    device.write(CONFIG_SPACE, r.PCI_COMMAND, 2, 0x003);
    write(device, r.TDT, 1);
    assert.equal(device.memory.since(0).touches.length, 0);
    assert.equal(read(device, r.TDH), 1);
  });

  it('receives own and broadcast frames, and drops what is for others', () => {
    const device = receiver();
    const own = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56, ...new Array<number>(60).fill(7));
    const other = own.slice();
    other[5] = 0x57;
    for (const frame of [other, own, new Uint8Array(70).fill(0xff)]) device.receiveFrame(frame);
    assert.equal(read(device, r.RDH), 2);
    assert.deepEqual(device.memory.bytes.slice(BUFFER, BUFFER + 66), own);
    const view = new DataView(device.memory.bytes.buffer);
    assert.equal(view.getUint16(RING + r.RXD_LENGTH, true), 70);
    assert.equal(read(device, r.ICR) & r.INT_RXT0, r.INT_RXT0);
    assert.deepEqual([read(device, r.BPRC), read(device, r.TPR)], [1, 2]);
  });

  it('strips the CRC from the length when told to', () => {
    const device = receiver(r.RCTL_SECRC);
    device.receiveFrame(new Uint8Array(70).fill(0xff));
    const view = new DataView(device.memory.bytes.buffer);
    assert.equal(view.getUint16(RING + r.RXD_LENGTH, true), 70);
  });

  it('keeps frames that come while the ring is empty, in order, and delivers them on the next tail write', () => {
    const device = receiver();
    for (let index = 0; index < 12; index += 1) {
      device.receiveFrame(new Uint8Array(60).fill(0xff, 0, 6).fill(index, 6));
    }
    assert.equal(read(device, r.RDH), 7);
    write(device, r.RDT, 6);
    assert.equal(read(device, r.RDH), 4);
    const firstBytes = [7, 0, 1, 2, 3].map((index) => device.memory.bytes[BUFFER + 2048 * index + 6]);
    assert.deepEqual(firstBytes, [7, 8, 9, 10, 11]);
  });

  it('loops frames back when the PHY is told to', () => {
    const device = receiver();
    const frames: Uint8Array[] = [];
    device.onTransmit((frame) => frames.push(frame));
    const loopback = r.MDIC_OP_WRITE | (r.PHY_ADDRESS << r.MDIC_PHY_SHIFT) | r.PHY_CTRL_LOOPBACK;
    write(device, r.MDIC, loopback);
    write(device, r.TDBAL, RING + 0x100);
    write(device, r.TDLEN, 128);
    write(device, r.TCTL, r.TCTL_EN);
    device.memory.bytes.fill(0xff, 0x4000, 0x4000 + 64);
    device.memory.bytes.set(transmitDescriptor(0x4000, 64), RING + 0x100);
    write(device, r.TDT, 1);
    assert.equal(frames.length, 0);
    assert.equal(read(device, r.RDH), 1);
    assert.deepEqual(device.memory.bytes.slice(BUFFER, BUFFER + 64), new Uint8Array(64).fill(0xff));
  });

  it('takes the link down for as long as autonegotiation lasts', () => {
    let nowUs = 1000;
    const device = card({ now: () => nowUs });
    const restart = r.PHY_CTRL_AUTONEG | r.PHY_CTRL_RESTART_AUTONEG;
    write(device, r.MDIC, r.MDIC_OP_WRITE | (r.PHY_ADDRESS << r.MDIC_PHY_SHIFT) | restart);
    assert.equal(read(device, r.STATUS) & r.STATUS_LU, 0);
    assert.equal(device.nextDeadlineUs(), 501_000);
    nowUs = 500_999;
    device.advance();
    assert.equal(read(device, r.STATUS) & r.STATUS_LU, 0);
    nowUs = 501_000;
    device.advance();
    assert.equal(read(device, r.STATUS) & r.STATUS_LU, r.STATUS_LU);
    assert.equal(read(device, r.ICR), r.INT_LSC);
    assert.equal(device.nextDeadlineUs(), Infinity);
  });
});
