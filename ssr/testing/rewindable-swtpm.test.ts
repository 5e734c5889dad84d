/** A rewound swtpm lasts: it once ran out of file descriptors in the middle of a campaign. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import {
  isSwtpmInstalled,
  nodeCrypto,
  NO_PASSWORD,
  nvDefineSpace,
  nvRead,
  nvWrite,
  Tpm,
  unnamed,
} from '../tpm/index.ts';
import { startRewindableSwtpm } from './rewindable-swtpm.ts';

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';
const AREA = { index: 0x01800001, attributes: 0x02040004, authPolicy: new Uint8Array(0), sizeBytes: 8 };
const INDEX = unnamed(AREA.index);
const filled = (value: number): Uint8Array => new Uint8Array(8).fill(value);

void test(
  'a thousand power cycles and rewindings hold some hundred descriptors, and what was written stays or is rewound',
  { skip },
  async () => {
    await using swtpm = await startRewindableSwtpm();
    const started = async (): Promise<Tpm> => {
      const tpm = new Tpm(swtpm.transport, { crypto: nodeCrypto });
      await tpm.startup();
      return tpm;
    };
    const read = async (): Promise<Uint8Array> =>
      (await started()).run(nvRead({ index: INDEX, sizeBytes: 8 }), [NO_PASSWORD]);
    const first = await started();
    await first.run(nvDefineSpace({ public: AREA }), [NO_PASSWORD]);
    await first.run(nvWrite({ index: INDEX, data: filled(1) }), [NO_PASSWORD]);
    const state = await swtpm.snapshot();
    const processes = new Set<number>();
    for (let turn = 0; turn < 500; turn += 1) {
      await swtpm.restore(state);
      const tpm = await started();
      await tpm.run(nvWrite({ index: INDEX, data: filled(2) }), [NO_PASSWORD]);
      await swtpm.powerCycle();
      assert.deepEqual(await read(), filled(2), `power cycle ${turn}`);
      processes.add(swtpm.pid);
      const descriptors = readdirSync(`/proc/${swtpm.pid}/fd`).length;
      assert.ok(descriptors < 700, `${descriptors} descriptors`);
    }
    await swtpm.restore(state);
    assert.deepEqual(await read(), filled(1));
    assert.ok(processes.size > 2, 'the process was renewed');
  },
);
