/** lan9118-01: an access of one byte is a "hardware error" of the model, which ends QEMU. */
import { MEMORY_SPACE } from '../../../dsslang/runtime.ts';
import type { Bug } from '../bug.ts';
import type { Hands, Registers } from '../hands.ts';

const BASE = 0x0500_0000;
const RX_DATA = 0x00;
const TX_DATA = 0x20;
const RX_STATUS = 0x40;
const TX_STATUS = 0x48;
const ID_REV = 0x50;
const INT_STS = 0x58;
const INT_EN = 0x5c;
const BYTE_TEST = 0x64;
const TX_CFG = 0x70;
const HW_CFG = 0x74;
const RX_FIFO_INF = 0x7c;
const PMT_CTRL = 0x84;
const MAC_CSR_CMD = 0xa4;
const MAC_CSR_DATA = 0xa8;

const BUSY = 0x8000_0000;
const READ = 0x4000_0000;
const MAC_CR = 1;
const ADDRH = 2;
const ADDRL = 3;
const MII_ACC = 6;
const MII_DATA = 7;

function macWrite(hands: Hands, nic: Registers, index: number, value: number): void {
  nic.write32(MAC_CSR_DATA, value);
  nic.write32(MAC_CSR_CMD, (BUSY | index) >>> 0);
  hands.until('the MAC has written', () => (nic.read32(MAC_CSR_CMD) & BUSY) === 0);
}

function macRead(hands: Hands, nic: Registers, index: number): number {
  nic.write32(MAC_CSR_CMD, (BUSY | READ | index) >>> 0);
  hands.until('the MAC has read', () => (nic.read32(MAC_CSR_CMD) & BUSY) === 0);
  return nic.read32(MAC_CSR_DATA);
}

/** Probe, reset, station address, PHY loop-back; frames of several lengths out and back, compared. */
function benign(hands: Hands): void {
  const nic = hands.registers(MEMORY_SPACE, BASE);
  hands.expect('byte order', nic.read32(BYTE_TEST), 0x8765_4321);
  hands.expect('chip', nic.read32(ID_REV) >>> 16, 0x0118);
  hands.until('the chip is awake', () => (nic.read32(PMT_CTRL) & 1) !== 0);
  nic.write32(HW_CFG, 1);
  hands.until('the reset is over', () => (nic.read32(HW_CFG) & 1) === 0);
  nic.write32(HW_CFG, 0x0005_0000);
  nic.write32(INT_EN, 0);
  nic.write32(INT_STS, 0xffff_ffff);
  macWrite(hands, nic, ADDRH, 0x0000_5634);
  macWrite(hands, nic, ADDRL, 0x1200_5452);
  hands.expect('station address', macRead(hands, nic, ADDRL), 0x1200_5452);
  // The PHY, address 1: loop-back, 100 Mbit/s, full duplex.
  macWrite(hands, nic, MII_DATA, 0x6100);
  macWrite(hands, nic, MII_ACC, (1 << 11) | (0 << 6) | 0x02);
  macWrite(hands, nic, MII_ACC, (1 << 11) | (0 << 6));
  hands.expect('PHY control', macRead(hands, nic, MII_DATA) & 0x4000, 0x4000);
  nic.write32(TX_CFG, 0x2);
  macWrite(hands, nic, MAC_CR, 0x0004_000c); // promiscuous, transmitter, receiver
  for (const length of [60, 61, 63, 64, 512, 1514]) {
    const frame = Buffer.from(
      Array.from({ length: Math.ceil(length / 4) * 4 }, (_, index) => (index * 7 + length) & 0xff),
    );
    frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    nic.write32(TX_DATA, 0x3000 | length);
    nic.write32(TX_DATA, ((length << 16) | length) >>> 0);
    for (let at = 0; at < frame.length; at += 4) nic.write32(TX_DATA, frame.readUInt32LE(at));
    hands.until('the frame is back', () => (nic.read32(RX_FIFO_INF) & 0x00ff_0000) !== 0);
    const received = (nic.read32(RX_STATUS) >>> 16) & 0x3fff;
    hands.expect('length with its checksum', received, length + 4);
    for (let at = 0; at < Math.ceil(received / 4) * 4; at += 4) {
      const word = nic.read32(RX_DATA);
      if (at + 4 <= length) hands.expect(`frame of ${length}, byte ${at}`, word, frame.readUInt32LE(at));
    }
    hands.expect('transmit status', nic.read32(TX_STATUS) & 0x8000, 0);
  }
}

export const LAN9118_01: Bug = {
  id: 'lan9118-01',
  part: 'SMSC LAN9118 Ethernet, SMDKC210 board',
  effect: 'crash',
  board: {
    program: 'qemu-system-arm',
    machine: 'smdkc210',
    arguments: ['-net', 'nic'],
    memory: [{ first: BASE, last: BASE + 0xff }],
  },
  specification: 'drivers/cve/lan9118/lan9118.dss',
  attacks: [
    {
      name: 'one byte of the transmit status',
      refusedBy: '`TX_STATUS` takes whole accesses of 32 bits',
      run: (hands) => {
        hands.registers(MEMORY_SPACE, BASE).read8(TX_STATUS);
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug: 'The model knows accesses of 2 and 4 bytes, and calls anything else a hardware error, upon which QEMU aborts.',
    rule: 'The host reads and writes whole double words; a 16-bit bus makes two accesses of one, never one of a byte.',
    benign:
      'probe, soft reset, station address, PHY in loop-back; six frames of 60 to 1514 bytes out and back, compared',
    sources: [
      'SMSC LAN9118 data sheet, 3.6 Host bus operations, 3.12 Transmit data path, 5 Register description',
      'HexHive/virtfuzz-bugs, bug-reports/lan9118-01.md; QEMU issue 1433',
    ],
  },
};
