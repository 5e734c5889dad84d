/**
 * The AHCI driver in its own domain behind the compiled specification: it passes the conformance suite of the block class on
 * the model and on QEMU's controller, with queued commands, and is refused nothing.
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
import ahciDriver from './driver.ts';
import { blankMedium } from '../ata/model-medium.ts';
import { SECTOR_BYTES } from '../ata/registers.ts';
import { ahciModel } from './model.ts';

const { module, source: monitorModule } = await loadSpecification(
  `${packageRoot()}/drivers/ahci/ahci.dss`,
  'drivers/ahci/ahci.dss',
);
const program = readFileSync(`${packageRoot()}/dist/drivers/ahci/driver.program.js`, 'utf8');
const skip =
  (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)' : false;

/** A driver on a disk for the suite. Closing it asserts that nothing was refused. */
async function start(kernel: Kernel, open: OpenBacking): Promise<BlockUnderTest> {
  const { disk } = open;
  assert.ok(disk !== undefined);
  const ipd = await kernel.spawn({ name: 'ahci', program, monitorModule, backing: open });
  const messages: DriverMessage[] = [];
  ipd.onMessage((message) => messages.push(message));
  return {
    sectorBytes: SECTOR_BYTES,
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

function suite(title: string, missing: string | false, openBacking: () => Promise<OpenBacking>): void {
  describe(title, { skip: missing }, () => {
    const kernel = Kernel.boot();
    let opened: Promise<OpenBacking> | undefined;
    after(async () => {
      await kernel.shutdown();
      await (await opened)?.close();
    });
    // One disk for all checks: each driver finds it as the last one's reset left it.
    for (const check of blockConformance(async () => start(kernel, await (opened ??= openBacking()))))
      it(check.name, () => check.run());
  });
}

suite('on the model the driver conforms to the block class:', false, () =>
  modelBacking(ahciModel, { model: blankMedium() }).open(),
);

describe('on the model in virtual time the driver conforms to the block class:', () => {
  function startInline(): Promise<BlockUnderTest> {
    const device = new InlineDevice(ahciModel, { model: blankMedium() });
    const domain = new InlineDomain({ device, program: ahciDriver, monitor: module });
    const { disk } = device.ends;
    assert.ok(disk !== undefined);
    return Promise.resolve({
      sectorBytes: SECTOR_BYTES,
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

suite("on QEMU's controller the driver conforms to the block class:", skip, () =>
  qemuBacking({ device: 'ahci' }).open(),
);
