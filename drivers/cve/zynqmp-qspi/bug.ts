/** zynqmp_qspips-02: in dual parallel, a read through the window with the wrong number of bytes takes one too many from a FIFO. */
import { MEMORY_SPACE } from '../../../dsslang/runtime.ts';
import type { Bug } from '../bug.ts';
import type { Hands, Registers } from '../hands.ts';

const BASE = 0xff0f_0000;
const WINDOW = 0xc000_0000;
const WINDOW_BYTES = 32 << 20;
const CONFIG = 0x00;
const ISR = 0x04;
const IDR = 0x0c;
const ENABLE = 0x14;
const TXD0 = 0x1c;
const RXD = 0x20;
const TXD1 = 0x80;
const LQSPI_CFG = 0xa0;
const MOD_ID = 0xfc;

const LINEAR = 0x8000_0000;
const DUAL_PARALLEL = 0x6000_0000;
const ONE_DUMMY = 1 << 8;

/** Master, manual chip select and start; no chip, or the first. */
const MANUAL = 0x8000_c001;
const NO_CHIP = 0x3c00;
const CHIP_0 = 0x3800;
const START = 1 << 16;

/** One command to the flash in I/O mode: up to four bytes at a time in, the same number of words out. */
function command(qspi: Registers, ...words: readonly [port: number, word: number][]): number[] {
  qspi.write32(CONFIG, (MANUAL | CHIP_0) >>> 0);
  for (const [port, word] of words) qspi.write32(port, word);
  qspi.write32(CONFIG, (MANUAL | CHIP_0 | START) >>> 0);
  const answers = words.map(() => qspi.read32(RXD));
  qspi.write32(CONFIG, (MANUAL | NO_CHIP) >>> 0);
  return answers;
}

function linear(qspi: Registers, mode: number): void {
  qspi.write32(ENABLE, 0);
  qspi.write32(CONFIG, (0x8000_0001 | CHIP_0) >>> 0);
  qspi.write32(LQSPI_CFG, mode >>> 0);
  qspi.write32(ENABLE, 1);
}

/** Identifies the flash, programs a page, reads it back by command and through the window; then both flashes side by side. */
function benign(hands: Hands): void {
  const qspi = hands.registers(MEMORY_SPACE, BASE);
  const window = hands.registers(MEMORY_SPACE, WINDOW);
  hands.expect('module', qspi.read32(MOD_ID) & 0xffff_0000, 0x0109_0000);
  qspi.write32(ENABLE, 0);
  qspi.write32(IDR, 0x7f);
  qspi.write32(LQSPI_CFG, 0x03a0_02eb);
  qspi.write32(CONFIG, (MANUAL | NO_CHIP) >>> 0);
  qspi.write32(ENABLE, 1);
  qspi.read32(ISR);
  hands.expect('flash of 64 MiB', command(qspi, [TXD0, 0x9f])[0] ?? 0, 0x20bb_2000);
  command(qspi, [TXD1, 0x06]);
  command(qspi, [TXD0, 0x0000_0002], [TXD0, 0x4433_2211]);
  hands.expect('the page by command', command(qspi, [TXD0, 0x0000_0003], [TXD0, 0])[1] ?? 0, 0x4433_2211);
  for (const [what, mode] of [
    ['read', 0x03],
    ['fast read', ONE_DUMMY | 0x0b],
    ['dual output', ONE_DUMMY | 0x3b],
    ['quad output', ONE_DUMMY | 0x6b],
  ] as const) {
    linear(qspi, LINEAR | mode);
    hands.expect(`the page by ${what}`, window.read32(0), 0x4433_2211);
    hands.expect(`erased flash by ${what}`, window.read32(0x1000), 0xffff_ffff);
  }
  for (const mode of [0x03, ONE_DUMMY | 0x0b, ONE_DUMMY | 0x6b]) {
    linear(qspi, LINEAR | DUAL_PARALLEL | mode);
    hands.expect('erased flashes side by side', window.read32(0x10_0000), 0xffff_ffff);
    hands.expect('the last word', window.read32(0xff_fffc), 0xffff_ffff);
  }
  linear(qspi, 0x03a0_02eb);
  qspi.write32(ENABLE, 0);
}

export const ZYNQMP_QSPIPS_02: Bug = {
  id: 'zynqmp_qspips-02',
  part: 'Quad-SPI controller, Xilinx Zynq UltraScale+',
  effect: 'crash',
  board: {
    program: 'qemu-system-aarch64',
    machine: 'xlnx-zcu102',
    memory: [
      { first: BASE, last: BASE + 0x1ff },
      { first: WINDOW, last: WINDOW + WINDOW_BYTES - 1 },
    ],
  },
  specification: 'drivers/cve/zynqmp-qspi/zynqmp-qspi.dss',
  attacks: [
    {
      name: 'two flashes side by side and an instruction that is none, then a read of the window',
      refusedBy: 'linear mode reads: this is no read instruction',
      run: (hands) => {
        hands.registers(MEMORY_SPACE, BASE).write32(LQSPI_CFG, (DUAL_PARALLEL | 0x99) >>> 0);
        hands.registers(MEMORY_SPACE, WINDOW).read32(0);
        return undefined;
      },
    },
    {
      name: 'the same in linear mode, a proper instruction without its dummy byte',
      refusedBy: 'in dual parallel the dummy bytes are those of the instruction',
      run: (hands) => {
        hands.registers(MEMORY_SPACE, BASE).write32(LQSPI_CFG, (LINEAR | DUAL_PARALLEL | 0x6b) >>> 0);
        hands.registers(MEMORY_SPACE, WINDOW).read32(0);
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug:
      'With two flashes side by side the model takes data from its FIFO in pairs and checks only for an empty one; an odd ' +
      'number, as of an instruction it does not know, empties it once too often. (Measured over 350 modes: linear mode or ' +
      'not makes no difference, so a rule that asks for linear mode alone stops nothing.)',
    rule: 'Each read instruction has its number of address bytes, its mode byte, its dummy bytes; the mode changes with the controller off.',
    benign:
      'identification and a page program by command; the page read back by command and through the window by four ' +
      'instructions; two flashes side by side by three',
    sources: [
      'Xilinx UG1085, Zynq UltraScale+ Device TRM, chapter 24; UG585, Zynq-7000 TRM, 12.2 (table of LQSPI_CFG values)',
      'HexHive/virtfuzz-bugs, bug-reports/xlnx_zynqmp_qspips-02.md',
    ],
  },
};
