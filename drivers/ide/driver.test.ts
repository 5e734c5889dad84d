/**
 * The IDE driver in its own domain behind the compiled specification: it passes the conformance suite of the block class by
 * the bus master and by the data port, on the model and on QEMU's controller, and is refused nothing.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { Kernel, type DriverMessage, type OpenBacking } from '../../kernel/index.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking, qemuVersion } from '../backing/qemu/index.ts';
import { blockConformance, type BlockUnderTest } from '../class/block-conformance.ts';
import { InlineDevice } from '../inline/inline-device.ts';
import { InlineDomain } from '../inline/inline-domain.ts';
import { packageRoot } from '../package-root.ts';
import { loadSpecification } from '../specification.ts';
import ideDriver from './driver.ts';
import { blankMedium } from '../ata/model-medium.ts';
import { ideModel } from './model.ts';
import * as r from './registers.ts';

const { module, source: monitorModule } = await loadSpecification(
  `${packageRoot()}/drivers/ide/ide.dss`,
  'drivers/ide/ide.dss',
);
const program = readFileSync(`${packageRoot()}/dist/drivers/ide/driver.program.js`, 'utf8');
const skip =
  (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)' : false;

type Transfers = 'master' | 'port';

/** A driver on a disk for the suite. Closing it asserts that nothing was refused. */
async function start(kernel: Kernel, open: OpenBacking, by: Transfers): Promise<BlockUnderTest> {
  const { disk } = open;
  assert.ok(disk !== undefined);
  const ipd = await kernel.spawn({ name: 'ide', program, monitorModule, backing: open });
  const messages: DriverMessage[] = [];
  ipd.onMessage((message) => messages.push(message));
  ipd.send({ kind: 'transfers', by });
  return {
    sectorBytes: r.SECTOR_BYTES,
    disk,
    send: (message) => ipd.send(message),
    messages,
    async close() {
      await ipd.stop();
      assert.equal(ipd.fault, undefined);
      assert.deepEqual(
        ipd.log.filter((line) => line.startsWith('refused')),
        [],
      );
    },
  };
}

/** Each word through the data port of QEMU costs 14 us, so only some of the suite goes there. */
const FEW_WORDS = /single sectors|before a flush|when it is reset/;

function suite(
  title: string,
  missing: string | false,
  openBacking: () => Promise<OpenBacking>,
  by: Transfers,
  only = /^/,
): void {
  describe(title, { skip: missing }, () => {
    const kernel = Kernel.boot();
    let opened: Promise<OpenBacking> | undefined;
    after(async () => {
      await kernel.shutdown();
      await (await opened)?.close();
    });
    // One disk for all checks: each driver finds it as the last one's reset left it.
    for (const check of blockConformance(async () => start(kernel, await (opened ??= openBacking()), by)))
      if (only.test(check.name)) it(check.name, () => check.run());
  });
}

const openModel = (): Promise<OpenBacking> => modelBacking(ideModel, { model: blankMedium() }).open();
suite('by the bus master, on the model, the driver conforms to the block class:', false, openModel, 'master');

describe('by the data port, on the model in virtual time, the driver conforms to the block class:', () => {
  function startInline(): Promise<BlockUnderTest> {
    const device = new InlineDevice(ideModel, { model: blankMedium() });
    const domain = new InlineDomain({ device, program: ideDriver, monitor: module });
    const { disk } = device.ends;
    assert.ok(disk !== undefined);
    domain.send({ kind: 'transfers', by: 'port' });
    return Promise.resolve({
      sectorBytes: r.SECTOR_BYTES,
      disk,
      send: (message) => domain.send(message),
      messages: domain.messages,
      idle: () => domain.wait(1000),
      close() {
        domain.stop();
        assert.equal(domain.fault, undefined);
        return Promise.resolve();
      },
    });
  }
  for (const check of blockConformance(startInline)) it(check.name, () => check.run());
});

const openQemu = (): Promise<OpenBacking> => qemuBacking({ device: 'ide' }).open();
suite("by the bus master, on QEMU's controller, the driver conforms to the block class:", skip, openQemu, 'master');
suite(
  "by the data port, on QEMU's controller, the driver conforms to the block class:",
  skip,
  openQemu,
  'port',
  FEW_WORDS,
);
