/** The process that gets killed: commits a rising number for ever and says so after each acknowledgement. */
import { writeSync } from 'node:fs';
import { createVolume } from '../create-volume.ts';
import { openVolume } from '../open-volume.ts';
import { openFileStore } from '../store/file-store.ts';
import { nodeCrypto } from '../tpm/crypto-node.ts';
import { Tpm } from '../tpm/client.ts';
import { startSwtpm } from '../tpm/swtpm.ts';

const [path = '', stateDirectory = '', key = '', isNew = ''] = process.argv.slice(2);
const REGION_SIZE_BYTES = 64 * 1024;

const swtpm = await startSwtpm({ stateDirectory, key: Buffer.from(key, 'hex') });
const tpm = new Tpm(swtpm.transport, { crypto: nodeCrypto });
await tpm.startup();
const store = openFileStore({ path, open: isNew === 'new' ? 'new' : 'existing' });
const volume = isNew === 'new' ? await createVolume({ store, tpm }) : await openVolume({ store, tpm });
if (isNew === 'new') {
  await volume.transaction((transaction) => void transaction.create('numbers', { sizeBytes: REGION_SIZE_BYTES }));
}
const region = volume.region('numbers');

/** The number stands at the beginning of every block; all must agree. */
function read(): number {
  const bytes = Buffer.from(region.read(0, REGION_SIZE_BYTES));
  const numbers = new Set(
    Array.from({ length: REGION_SIZE_BYTES / 4096 }, (_, block) => bytes.readUInt32BE(block * 4096)),
  );
  if (numbers.size !== 1) throw new Error(`half a transaction: ${[...numbers].join(', ')}`);
  return [...numbers][0] ?? 0;
}

let number = read();
writeSync(1, `found ${number} epoch ${volume.epoch}\n`);
for (;;) {
  number += 1;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  for (let block = 0; block < REGION_SIZE_BYTES / 4096; block += 1) region.write(block * 4096, bytes);
  await volume.commit();
  writeSync(1, `acknowledged ${number}\n`);
}
