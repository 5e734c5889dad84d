/** cadence_uart-00: a divisor of 65536 is kept as 0, and the next change of mode divides by it. */
import { MEMORY_SPACE } from '../../../dsslang/runtime.ts';
import type { Bug } from '../bug.ts';
import type { Hands } from '../hands.ts';

const BASE = 0xff00_0000;
const CR = 0x00;
const MR = 0x04;
const IER = 0x08;
const IDR = 0x0c;
const ISR = 0x14;
const BRGR = 0x18;
const RTOR = 0x1c;
const RTRIG = 0x20;
const SR = 0x2c;
const FIFO = 0x30;
const BDIV = 0x34;

const OFF = 0x28;
const RESET_PATHS = 0x03;
const ON = 0x14;
const EIGHT_BITS_NO_PARITY = 0x20;
const LOCAL_LOOPBACK = 0x200;
const RX_EMPTY = 0x02;

/** What a serial driver does at start-up, in its order: off, baud rate, reset of the paths, on, mode; then it talks to itself. */
function benign(hands: Hands): void {
  const uart = hands.registers(MEMORY_SPACE, BASE);
  uart.write32(IDR, 0x3fff);
  // 115200 and 9600 baud from 100 MHz, then the extremes of the divisors.
  for (const [divisor, divider] of [
    [124, 6],
    [1302, 7],
    [1, 4],
    [65_535, 255],
    [62, 13],
  ] as const) {
    uart.write32(CR, OFF);
    uart.write32(BRGR, divisor);
    uart.write32(BDIV, divider);
    uart.write32(CR, OFF | RESET_PATHS);
    hands.until('the paths are reset', () => (uart.read32(CR) & RESET_PATHS) === 0);
    uart.write32(RTOR, 10);
    uart.write32(RTRIG, 1);
    uart.write32(CR, ON);
    uart.write32(MR, EIGHT_BITS_NO_PARITY | LOCAL_LOOPBACK);
    uart.write32(ISR, 0x3fff);
    uart.write32(IER, 0x01);
    hands.expect('divisor', uart.read32(BRGR), divisor);
    hands.expect('divider', uart.read32(BDIV), divider);
    for (const byte of Buffer.from('refmon')) {
      uart.write32(FIFO, byte);
      hands.until('a byte is back', () => (uart.read32(SR) & RX_EMPTY) === 0);
      hands.expect('the byte', uart.read32(FIFO), byte);
    }
    uart.write32(IDR, 0x3fff);
  }
  uart.write32(CR, OFF);
}

export const CADENCE_UART_00: Bug = {
  id: 'cadence_uart-00',
  part: 'Cadence UART, Xilinx Zynq UltraScale+',
  effect: 'crash',
  board: {
    program: 'qemu-system-aarch64',
    machine: 'xlnx-zcu102',
    memory: [{ first: BASE, last: BASE + 0xfff }],
  },
  specification: 'drivers/cve/cadence-uart/cadence-uart.dss',
  attacks: [
    {
      name: 'a divisor of 65536, then a new mode',
      refusedBy: 'reserved bits of `BRGR` must be written as 0',
      run: (hands) => {
        const uart = hands.registers(MEMORY_SPACE, BASE);
        uart.write32(BRGR, 0x1_0000);
        uart.write32(MR, EIGHT_BITS_NO_PARITY);
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug: 'The model checks the whole value for 0 and keeps its low 16 bits, which are 0; the baud rate is a quotient by it.',
    rule: 'The clock divisor has 16 bits, 1 to 65535 while the generator runs; bits 31 to 16 are reserved.',
    benign:
      'off, divisors, reset of the paths, on, mode; six bytes through the local loop-back at five baud rates, the extremes among them',
    sources: [
      'Xilinx UG1085, Zynq UltraScale+ Device TRM, chapter 21; UG1087, Baud_rate_gen_reg0',
      'HexHive/virtfuzz-bugs, bug-reports/cadence_uart-00.md; QEMU issue 1493',
    ],
  },
};
