/** imx_usb_phy-00: a read past the last register reads on in QEMU's own memory. */
import { MEMORY_SPACE } from '../../../dsslang/runtime.ts';
import type { Bug } from '../bug.ts';
import type { Hands } from '../hands.ts';

const BASE = 0x020c_9000;
const PWD = 0x00;
const TX = 0x10;
const RX = 0x20;
const CTRL = 0x30;
const VERSION = 0x80;
const SET = 4;
const CLEAR = 8;
const TOGGLE = 12;

const SOFT_RESET = 0x8000_0000;
const CLOCK_GATE = 0x4000_0000;
const UTMI_LEVELS = 0x0000_c000;
const REGISTERS_END = 0x84;
const BLOCK_END = 0x1000;

/** Out of reset, clock on, powered up, the levels that hosts need; then the set, clear and toggle forms, compared. */
function benign(hands: Hands): void {
  const phy = hands.registers(MEMORY_SPACE, BASE);
  phy.write32(CTRL + CLEAR, SOFT_RESET);
  hands.until('the block is out of reset', () => (phy.read32(CTRL) & SOFT_RESET) === 0);
  phy.write32(CTRL + CLEAR, CLOCK_GATE);
  hands.until('its clock runs', () => (phy.read32(CTRL) & CLOCK_GATE) === 0);
  phy.write32(PWD, 0);
  hands.expect('powered up', phy.read32(PWD), 0);
  phy.write32(CTRL + SET, UTMI_LEVELS);
  hands.expect('levels', phy.read32(CTRL) & UTMI_LEVELS, UTMI_LEVELS);
  phy.write32(CTRL + TOGGLE, 0x4000);
  hands.expect('toggled', phy.read32(CTRL) & UTMI_LEVELS, 0x8000);
  phy.write32(CTRL + CLEAR, UTMI_LEVELS);
  hands.expect('cleared', phy.read32(CTRL) & UTMI_LEVELS, 0);
  phy.write32(TX, 0x1006_0607);
  phy.write32(RX + SET, 0x1);
  phy.write32(RX + CLEAR, 0x1);
  hands.expect('transmitter', phy.read32(TX), 0x1006_0607);
  hands.expect('receiver', phy.read32(RX) & 1, 0);
  hands.expect('version', phy.read32(VERSION), 0x0402_0000);
  phy.write32(PWD + SET, 0x001e_1c00);
}

export const IMX_USB_PHY_00: Bug = {
  id: 'imx_usb_phy-00',
  part: 'USB PHY, Freescale i.MX 6',
  effect: 'leak',
  board: {
    program: 'qemu-system-arm',
    machine: 'sabrelite',
    memory: [{ first: BASE, last: BASE + BLOCK_END - 1 }],
  },
  specification: 'drivers/cve/imx-usb-phy/imx-usb-phy.dss',
  attacks: [
    {
      name: 'reads from the end of the registers to the end of the block',
      refusedBy: 'region `phy` has no register there',
      run: (hands) => {
        const phy = hands.registers(MEMORY_SPACE, BASE);
        let foreign = 0;
        for (let offset = REGISTERS_END; offset < BLOCK_END; offset += 4) if (phy.read32(offset) !== 0) foreign += 1;
        return foreign;
      },
    },
  ],
  benign,
  note: {
    bug: 'The block decodes 4 KiB and indexes its 33 registers with the offset, unchecked: what follows them in the process, pointers included, can be read.',
    rule: 'The memory map ends with the register at 0x80; by default nothing outside of it is allowed.',
    benign:
      'soft reset and clock gate released in order, power-down cleared, UTMI levels set, each register form compared',
    sources: [
      'Freescale IMX6DQRM, i.MX 6Dual/6Quad Applications Processor Reference Manual, chapter 66, memory map',
      'HexHive/virtfuzz-bugs, bug-reports/imx_usb_phy-00.md; QEMU issue 1408',
    ],
  },
};
