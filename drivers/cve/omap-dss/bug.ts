/** omap_dss-00: a transfer to the panel of four thousand million pixels. */
import { MEMORY_SPACE } from '../../../dsslang/runtime.ts';
import type { Bug } from '../bug.ts';
import type { Hands, Registers } from '../hands.ts';

const BASE = 0x4805_0000;
const DSS_SYSCONFIG = 0x010;
const DSS_SYSSTATUS = 0x014;
const IRQSTATUS = 0x418;
const CONTROL = 0x440;
const SIZE_LCD = 0x47c;
const GFX_BA0 = 0x480;
const GFX_POS = 0x488;
const GFX_SIZE = 0x48c;
const GFX_ATTR = 0x4a0;
const ROW_INC = 0x4ac;
const PIXEL_INC = 0x4b0;
const RFBI_SYSCONFIG = 0x810;
const RFBI_SYSSTATUS = 0x814;
const RFBI_CONTROL = 0x840;
const PIXEL_CNT = 0x844;
const RFBI_CONFIG0 = 0x860;

const LCD_AND_RFBI = 0x801;
const FRAME_DONE = 1;
const ENABLE = 0x01;
const TRANSFER = 0x10;

/** Sends a window of the picture to the panel, as a driver does for each part of the screen that has changed. */
function transfer(
  hands: Hands,
  dss: Registers,
  address: number,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  dss.write32(GFX_BA0, address);
  dss.write32(GFX_POS, (y << 16) | x);
  dss.write32(GFX_SIZE, ((height - 1) << 16) | (width - 1));
  dss.write32(GFX_ATTR, (6 << 1) | 1);
  dss.write32(CONTROL, LCD_AND_RFBI);
  dss.write32(RFBI_CONTROL, ENABLE);
  dss.write32(PIXEL_CNT, width * height);
  dss.write32(RFBI_CONTROL, ENABLE | TRANSFER);
  hands.until('the frame is done', () => (dss.read32(IRQSTATUS) & FRAME_DONE) !== 0);
  hands.expect('pixels left', dss.read32(PIXEL_CNT), 0);
  hands.expect('the interface is idle', dss.read32(RFBI_SYSSTATUS) & 0x100, 0);
  dss.write32(IRQSTATUS, FRAME_DONE);
}

/** Reset, panel size, formats; the whole screen, and parts of it, sent. */
function benign(hands: Hands): void {
  const dss = hands.registers(MEMORY_SPACE, BASE);
  const [width, height] = [800, 480];
  const picture = hands.allocate(width * height * 2, 'device-reads');
  dss.write32(DSS_SYSCONFIG, 2);
  hands.until('the subsystem is reset', () => (dss.read32(DSS_SYSSTATUS) & 1) !== 0);
  dss.write32(RFBI_SYSCONFIG, 2);
  hands.until('the interface is reset', () => (dss.read32(RFBI_SYSSTATUS) & 1) !== 0);
  dss.write32(SIZE_LCD, ((height - 1) << 16) | (width - 1));
  dss.write32(ROW_INC, 1);
  dss.write32(PIXEL_INC, 1);
  dss.write32(RFBI_CONFIG0, 0x0031_0000);
  transfer(hands, dss, picture.address, 0, 0, width, height);
  transfer(hands, dss, picture.address, 0, 0, 1, 1);
  transfer(hands, dss, picture.address + 2 * 4000, 792, 470, 8, 10);
  transfer(hands, dss, picture.address, 0, 0, width, height);
  dss.write32(RFBI_CONTROL, 0);
  dss.write32(CONTROL, 0);
}

export const OMAP_DSS_00: Bug = {
  id: 'omap_dss-00',
  part: 'display subsystem, Texas Instruments OMAP 2420',
  effect: 'crash',
  board: {
    program: 'qemu-system-arm',
    machine: 'n810',
    memory: [{ first: BASE, last: BASE + 0xfff }],
    dma: { base: 0x8010_0000, sizeBytes: 16 << 20 },
  },
  specification: 'drivers/cve/omap-dss/omap-dss.dss',
  attacks: [
    {
      name: 'a transfer of 4294901760 pixels to a panel of no size',
      refusedBy: 'set the size of the panel before a transfer',
      run: (hands) => {
        const dss = hands.registers(MEMORY_SPACE, BASE);
        dss.write32(CONTROL, 0x800);
        dss.write32(PIXEL_CNT, 0xffff_0000);
        dss.write32(RFBI_CONTROL, ENABLE | TRANSFER);
        return undefined;
      },
    },
    {
      name: 'the same to a panel that is set up',
      refusedBy: 'a transfer has no more pixels than the panel',
      run: (hands) => {
        const dss = hands.registers(MEMORY_SPACE, BASE);
        dss.write32(SIZE_LCD, (479 << 16) | 799);
        dss.write32(CONTROL, LCD_AND_RFBI);
        dss.write32(PIXEL_CNT, 0xc000_0000);
        dss.write32(RFBI_CONTROL, ENABLE | TRANSFER);
        return undefined;
      },
    },
    {
      name: 'a count that single words have taken below zero',
      refusedBy: 'set the number of pixels for each transfer',
      run: (hands) => {
        const dss = hands.registers(MEMORY_SPACE, BASE);
        dss.write32(SIZE_LCD, (479 << 16) | 799);
        dss.write32(CONTROL, LCD_AND_RFBI);
        dss.write32(PIXEL_CNT, 1);
        dss.write32(0x854, 0);
        dss.write32(0x854, 0);
        dss.write32(RFBI_CONTROL, ENABLE | TRANSFER);
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug:
      'Twice the number of pixels, a signed number, is the size of a buffer: anything from half of the range on is a request ' +
      'for almost 2^64 bytes, which ends QEMU. Words written one by one take the number below zero as well.',
    rule: 'The number of pixels is set for each transfer, to the size of the window, which lies inside the panel.',
    benign: 'reset, panel of 800 by 480, the whole screen and two parts of it sent, each waited for and checked',
    sources: [
      'Texas Instruments, OMAP2420 Technical Reference Manual (SWPU064), chapter 15',
      'HexHive/virtfuzz-bugs, bug-reports/omap_dss-00.md (the third sequence is our own)',
    ],
  },
};
