/** The tables of rogue drivers, of the kernel and of every device; and the programs that try to escape, with nothing around them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { DriverMessage } from '../../kernel/abi.ts';
import { DEVICE_NAMES } from '../device-names.ts';
import { DEVICES } from '../devices.ts';
import { KERNEL_ROGUES } from './catalogue.ts';
import type { RogueDriver } from './rogue-driver.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SUFFIX = '.rogue.program.js';

async function attackInPlainThread({ program }: RogueDriver): Promise<DriverMessage[]> {
  const worker = new Worker(new URL('./testing/plain-worker.js', import.meta.url), { workerData: ROOT + program });
  try {
    const [messages] = (await once(worker, 'message')) as [DriverMessage[]];
    return messages;
  } finally {
    await worker.terminate();
  }
}

describe('the table of devices', () => {
  it('has the names that the command line offers, in their order', () => {
    assert.deepEqual(
      DEVICES.map(({ name }) => name),
      DEVICE_NAMES,
    );
  });
});

const TABLES: readonly (readonly [name: string, rogues: readonly RogueDriver[]])[] = [
  ['the kernel', KERNEL_ROGUES],
  ...DEVICES.map((device) => [device.name, device.rogues] as const),
];

for (const [table, rogues] of TABLES) {
  describe(`the catalogue of rogue drivers: ${table}`, () => {
    it('lists exactly the programs that exist', () => {
      for (const folder of new Set(rogues.map(({ program }) => dirname(program)))) {
        const built = readdirSync(ROOT + folder)
          .filter((file) => file.endsWith(SUFFIX))
          .map((file) => `${folder}/${file}`);
        const listed = rogues.filter(({ program }) => dirname(program) === folder).map(({ program }) => program);
        assert.deepEqual(listed.sort(), built.sort());
      }
    });

    it('says in each program what it tries and what must refuse it', () => {
      for (const { program, expects } of rogues) {
        const source = readFileSync(ROOT + program.replace(/^dist\//, '').replace('.program.js', '.ts'), 'utf8');
        assert.match(source, new RegExp(`^/\\*\\*\\n[^]*Must be ${expects}[^]*?\\*/`), program);
      }
    });

    it('gives each program a name of its own', () => {
      assert.equal(new Set(rogues.map(({ name }) => name)).size, rogues.length);
    });
  });
}

describe('a program that tries to escape', () => {
  for (const rogue of KERNEL_ROGUES.filter(({ expects }) => expects === 'contained')) {
    it(`really reaches something outside of a compartment: ${rogue.name}`, async () => {
      const messages = await attackInPlainThread(rogue);
      const report = messages.find((message) => message.kind === 'escape');
      assert.equal(report?.['reached'], true, JSON.stringify(report));
    });
  }
});
