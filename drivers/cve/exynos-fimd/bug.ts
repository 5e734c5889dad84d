/** fimd-00: a window is shown whose buffer lies nowhere. */
import { MEMORY_SPACE } from '../../../dsslang/runtime.ts';
import type { Bug } from '../bug.ts';
import type { Hands, Registers } from '../hands.ts';

const BASE = 0x11c0_0000;
const VIDCON0 = 0x00;
const VIDCON1 = 0x04;
const VIDTCON = 0x10;
const WINCON = 0x20;
const SHADOWCON = 0x34;
const OSD = 0x40;
const ADDRESS = 0xa0;
const END = 0xd0;
const PAGE = 0x100;

const ON = 3;
const SHOW = 1;
const RGB888 = 11 << 2;
const RGB565 = 5 << 2;

interface Window {
  readonly index: number;
  readonly address: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly format: number;
}

/** Protects the window, programs buffer, place and format, shows it, and lets the changes through. */
function show(fimd: Registers, window: Window): void {
  const { index, address, x, y, width, height, format } = window;
  const bytes = format === RGB565 ? 2 : 4;
  fimd.write32(SHADOWCON, 1 << (10 + index));
  fimd.write32(ADDRESS + 8 * index, address);
  fimd.write32(END + 8 * index, address + width * height * bytes);
  fimd.write32(PAGE + 4 * index, width * bytes);
  fimd.write32(OSD + 16 * index, (x << 11) | y);
  fimd.write32(OSD + 16 * index + 4, ((x + width - 1) << 11) | (y + height - 1));
  fimd.write32(OSD + 16 * index + 8, index === 0 ? width * height : 0);
  fimd.write32(WINCON + 4 * index, format);
  fimd.write32(WINCON + 4 * index, format | SHOW);
  fimd.write32(SHADOWCON, 1 << index);
}

/** A panel of 320 by 240; two windows, a page flip, a window moved; then dark. */
function benign(hands: Hands): void {
  const fimd = hands.registers(MEMORY_SPACE, BASE);
  const [width, height] = [320, 240];
  const back = hands.allocate(width * height * 4, 'device-reads');
  const front = hands.allocate(width * height * 4, 'device-reads');
  const sprite = hands.allocate(32 * 16 * 2, 'device-reads');
  fimd.write32(VIDCON0, 0);
  fimd.write32(VIDCON1, 0x60);
  fimd.write32(VIDTCON, 0x0002_0202);
  fimd.write32(VIDTCON + 4, 0x0002_0202);
  fimd.write32(VIDTCON + 8, ((height - 1) << 11) | (width - 1));
  fimd.write32(VIDCON0, ON);
  show(fimd, { index: 0, address: front.address, x: 0, y: 0, width, height, format: RGB888 });
  show(fimd, { index: 1, address: sprite.address, x: 288, y: 224, width: 32, height: 16, format: RGB565 });
  hands.expect('the first window is shown', fimd.read32(WINCON) & 0x3d, RGB888 | SHOW);
  hands.expect('the second, too', fimd.read32(WINCON + 4) & 0x3d, RGB565 | SHOW);
  for (const page of [back, front, back]) {
    fimd.write32(SHADOWCON, (1 << 10) | 3);
    fimd.write32(ADDRESS, page.address);
    fimd.write32(SHADOWCON, 3);
    hands.expect('the page is flipped', fimd.read32(ADDRESS), page.address);
  }
  fimd.write32(WINCON + 4, RGB565);
  show(fimd, { index: 1, address: sprite.address, x: 0, y: 0, width: 32, height: 16, format: RGB565 });
  hands.expect('the display runs', fimd.read32(VIDCON0) & ON, ON);
  fimd.write32(WINCON, 0);
  fimd.write32(WINCON + 4, 0);
  fimd.write32(VIDCON0, 0);
}

export const FIMD_00: Bug = {
  id: 'fimd-00',
  part: 'display controller, Samsung Exynos 4210',
  effect: 'crash',
  board: {
    program: 'qemu-system-arm',
    machine: 'smdkc210',
    memory: [{ first: BASE, last: BASE + 0x4113 }],
    dma: { base: 0x4010_0000, sizeBytes: 16 << 20 },
  },
  specification: 'drivers/cve/exynos-fimd/exynos-fimd.dss',
  attacks: [
    {
      name: 'a window shown with nothing programmed, then the display switched on',
      refusedBy: 'set the size of the panel before showing a window',
      run: (hands) => {
        const fimd = hands.registers(MEMORY_SPACE, BASE);
        fimd.write32(WINCON, RGB888 | SHOW);
        fimd.write32(VIDCON0, ON);
        return undefined;
      },
    },
    {
      name: 'a window with everything programmed, whose buffer lies where nothing is',
      refusedBy: 'the buffer of the window is outside the memory the display may read',
      run: (hands) => {
        const fimd = hands.registers(MEMORY_SPACE, BASE);
        fimd.write32(VIDTCON + 8, (239 << 11) | 319);
        fimd.write32(VIDCON0, ON);
        show(fimd, { index: 0, address: 0x3000_0000, x: 0, y: 0, width: 320, height: 240, format: RGB888 });
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug: 'Where a window starts to be shown, the model looks up the memory of its buffer and asserts that there is some.',
    rule: 'Buffer address, size and place of a window are programmed before WINCON.ENWIN, and the buffer is memory.',
    benign:
      'panel timing, two windows of two formats shown at once, three page flips, a window moved, all switched off',
    sources: [
      'Samsung, Exynos 4210 User’s Manual, chapter 41, display controller',
      'HexHive/virtfuzz-bugs, bug-reports/exynos421_fimd-00.md; QEMU issue 1407',
    ],
  },
};
