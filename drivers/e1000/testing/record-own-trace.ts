/** Makes `drivers/e1000/traces/own-driver-qemu.jsonl.gz` anew: `node dist/drivers/e1000/testing/record-own-trace.js`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { qemuBacking } from '../../backing/qemu/index.ts';
import { packageRoot } from '../../package-root.ts';
import { recordE1000 } from './record-trace.ts';

const { lines } = await recordE1000(qemuBacking({ device: 'e1000' }));
const file = join(packageRoot(), 'drivers', 'e1000', 'traces', 'own-driver-qemu.jsonl.gz');
writeFileSync(file, gzipSync(`${lines.join('\n')}\n`, { level: 9 }));
