/** zynqmp_can-00 and -01: messages that are not four words empty a transmit buffer of QEMU's CAN controller once too often. */
import { MEMORY_SPACE } from '../../../dsslang/runtime.ts';
import type { Bug } from '../bug.ts';
import type { Hands, Registers } from '../hands.ts';

const BASE = 0xff07_0000;
const SRR = 0x00;
const MSR = 0x04;
const BRPR = 0x08;
const BTR = 0x0c;
const SR = 0x18;
const ISR = 0x1c;
const IER = 0x20;
const ICR = 0x24;
const TXFIFO = 0x30;
const RXFIFO = 0x50;
const AFR = 0x60;
const AFMR1 = 0x64;
const AFIR1 = 0x68;

const CEN = 2;
const IN_CONFIGURATION = 1 << 0;
const IN_LOOPBACK = 1 << 1;
const SENT = 1 << 1;
const RECEIVED = 1 << 4;
const RECEIVE_NOT_EMPTY = 1 << 7;

const can = (hands: Hands): Registers => hands.registers(MEMORY_SPACE, BASE);

function send(registers: Registers, buffer: number, message: readonly number[]): void {
  message.forEach((word, index) => registers.write32(buffer + 4 * index, word));
}

/** Reset, timing, a filter, loop-back; messages of every length out and back; then off. */
function benign(hands: Hands): void {
  const registers = can(hands);
  registers.write32(SRR, 1);
  hands.until('the controller is in configuration mode', () => (registers.read32(SR) & IN_CONFIGURATION) !== 0);
  registers.write32(BRPR, 0x01);
  registers.write32(BTR, 0x1c3);
  registers.write32(AFR, 0);
  registers.write32(AFMR1, 0xffe0_0000);
  registers.write32(AFIR1, 0x2460_0000);
  registers.write32(AFR, 1);
  registers.write32(AFR, 0);
  registers.write32(IER, SENT | RECEIVED);
  registers.write32(MSR, 2);
  // A message may wait in the buffer while the controller is still off.
  send(registers, TXFIFO, [0x2460_0000, 0x2000_0000, 0xcafe_0000, 0]);
  registers.write32(SRR, CEN);
  hands.until('the controller loops back', () => (registers.read32(SR) & IN_LOOPBACK) !== 0);
  // QEMU sends it to the bus, for it changes the mode only then; whether it would come back is not asked.
  hands.expect('the waiting message is sent', registers.read32(ISR) & SENT, SENT);
  registers.write32(ICR, 0x7fff);
  for (let length = 0; length <= 8; length += 1) {
    const message = [(0x123 + length) << 21, length << 28, 0x0102_0304, 0x0506_0708].map((word) => word >>> 0);
    send(registers, TXFIFO, message);
    hands.expect('interrupts after a message', registers.read32(ISR) & (SENT | RECEIVED), SENT | RECEIVED);
    receive(hands, registers, message);
    registers.write32(ICR, SENT | RECEIVED | RECEIVE_NOT_EMPTY);
  }
  registers.write32(SRR, 0);
  hands.until('the controller is off', () => (registers.read32(SR) & IN_CONFIGURATION) !== 0);
}

function receive(hands: Hands, registers: Registers, message: readonly number[]): void {
  message.forEach((word, index) => hands.expect(`word ${index}`, registers.read32(RXFIFO + 4 * index), word));
}

const board = {
  program: 'qemu-system-aarch64',
  machine: 'xlnx-zcu102',
  memory: [{ first: BASE, last: BASE + 0x83 }],
} as const;

const specification = 'drivers/cve/zynqmp-can/zynqmp-can.dss';
const sources = [
  'Xilinx UG1085, Zynq UltraScale+ Device TRM, chapter 20: operating modes; message format; message transmission',
  'HexHive/virtfuzz-bugs, bug-reports/xlnx_zynqmp_can-00.md and -01.md',
];
const theBenign =
  'reset, bit timing, acceptance filter, loop-back mode; a message queued before the start and nine of 0 to 8 bytes, each ' +
  ' compared word for word as it comes back';

export const ZYNQMP_CAN_00: Bug = {
  id: 'zynqmp_can-00',
  part: 'CAN controller, Xilinx Zynq UltraScale+',
  effect: 'crash',
  board,
  specification,
  attacks: [
    {
      name: 'the last word of a message, and nothing before it',
      refusedBy: 'the words of a message go in order: identifier, length, data, data',
      run: (hands) => {
        const registers = can(hands);
        registers.write32(SRR, CEN);
        registers.write32(TXFIFO + 12, 0x5566_7788);
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug: 'The fourth word sends what is in the buffer, four words at a time, without counting them: the fifth pop of an empty FIFO is an assertion.',
    rule: 'A message is four words, and software must write all of them, in order, whatever its length.',
    benign: theBenign,
    sources,
  },
};

export const ZYNQMP_CAN_01: Bug = {
  id: 'zynqmp_can-01',
  part: 'CAN controller, Xilinx Zynq UltraScale+',
  effect: 'crash',
  board,
  specification,
  attacks: [
    {
      name: 'the controller enabled in the middle of a message',
      refusedBy: 'enable the controller between messages only',
      run: (hands) => {
        const registers = can(hands);
        send(registers, TXFIFO, [0x2460_0000, 0x8000_0000, 1, 2]);
        send(registers, TXFIFO, [0x2460_0000, 0x8000_0000]);
        registers.write32(SRR, CEN);
        return undefined;
      },
    },
    {
      name: 'a reset in the middle of a message, which empties no buffer',
      refusedBy: 'finish the message before a reset',
      run: (hands) => {
        const registers = can(hands);
        send(registers, TXFIFO, [0x2460_0000]);
        registers.write32(SRR, 1);
        send(registers, TXFIFO, [0x2460_0000, 0x8000_0000, 1, 2]);
        registers.write32(SRR, CEN);
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug: 'Enabling the controller sends what waits in the buffers, with the same uncounted pops; a part of a message that was left there kills QEMU later.',
    rule: 'A counter modulo 4: enabling is for the gaps between messages. A machine over register names alone misses this one.',
    benign: theBenign,
    sources: [
      ...sources,
      'QEMU 7.2.22, measured: a software reset leaves the buffers as they are, so the specification wants a message finished first, and its own reset fails (and says so) if one was not',
    ],
  },
};
