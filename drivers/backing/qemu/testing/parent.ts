/**
 * A process that opens a device, names QEMU's process on standard output and then only waits: to be killed by a test.
 */
import { qemuBacking } from '../backing.ts';
import { onlyQemu } from './harness.ts';

await qemuBacking({ device: 'edu' }).open();
process.stdout.write(`${onlyQemu()}\n`);
setInterval(() => undefined, 1000);
