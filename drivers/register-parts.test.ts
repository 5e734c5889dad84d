import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configParts, createReadParts, PLACES_MAX, readParts } from './register-parts.ts';
import { inPackage } from './devices.ts';
import { loadSpecification } from './specification.ts';

const { module } = await loadSpecification(inPackage('drivers/ide/ide.dss'));
const parts = (offset: number, width: 1 | 2 | 4, value: number): string[] =>
  configParts(module.info, { offset, width, value }).map(
    (part) => `${part.offset.toString(16)}/${part.width} = 0x${part.value.toString(16)}`,
  );

test('Linux restores the head after a suspend by double words: one write to each register, read-only bytes left out', () => {
  assert.deepEqual(parts(0x04, 4, 0x0280_0107), ['4/2 = 0x107', '6/2 = 0x280']);
  assert.deepEqual(parts(0x0c, 4, 0xff80_4010), ['c/1 = 0x10', 'd/1 = 0x40']);
  assert.deepEqual(parts(0x3c, 4, 0x0000_010b), ['3c/1 = 0xb']);
  assert.deepEqual(parts(0x40, 4, 0xe377_c000), ['40/2 = 0xc000', '42/2 = 0xe377']);
  assert.deepEqual(parts(0x44, 2, 0x100b), ['44/1 = 0xb']);
});

test('a register, a part of one, and what can only be read are passed on as they are', () => {
  assert.deepEqual(parts(0x04, 2, 0x107), ['4/2 = 0x107']);
  assert.deepEqual(parts(0x20, 4, 0xffff_ffff), ['20/4 = 0xffffffff']);
  assert.deepEqual(parts(0x04, 1, 7), ['4/1 = 0x7']);
  assert.deepEqual(parts(0x05, 2, 7), ['5/2 = 0x7']);
  assert.deepEqual(parts(0x21, 1, 7), ['21/1 = 0x7']);
  assert.deepEqual(parts(0x00, 4, 0x8086_7010), ['0/4 = 0x80867010']);
  assert.deepEqual(parts(0xf8, 4, 1), ['f8/4 = 0x1']);
});

test('a read of several whole registers looks at each; any other is one read', async () => {
  const { module: network } = await loadSpecification(inPackage('drivers/rtl8139/rtl8139.dss'));
  const looks = (offset: number, width: 1 | 2 | 4): string[] =>
    readParts(network.info, 1, offset, width).map((part) => `${part.offset.toString(16)}/${part.width}<<${part.shift}`);
  assert.deepEqual(looks(0x3c, 4), ['3c/2<<0', '3e/2<<16']);
  assert.deepEqual(looks(0x34, 4), ['34/2<<0', '36/1<<16', '37/1<<24']);
  assert.deepEqual(looks(0x3e, 2), ['3e/2<<0']);
  assert.deepEqual(looks(0x3e, 1), ['3e/1<<0']);
  assert.deepEqual(looks(0x3f, 1), ['3f/1<<0']);
  assert.deepEqual(looks(0x50, 4), ['50/4<<0'], '0x53 is no register');
  assert.deepEqual(looks(0x37, 2), ['37/2<<0'], 'only half of the last register');
});

test('what is remembered of reads is what is found, also of more places than are remembered', async () => {
  const { module: network } = await loadSpecification(inPackage('drivers/rtl8139/rtl8139.dss'));
  const remembered = createReadParts(network.info);
  const widths = [1, 2, 4] as const;
  for (let turn = 0; turn < 2; turn += 1) {
    for (let offset = 0; offset <= PLACES_MAX / 3; offset += 1) {
      for (const width of widths)
        assert.deepEqual(remembered(1, offset, width), readParts(network.info, 1, offset, width));
    }
  }
});
