/** The traces that lie in the package, and what the README beside each says of it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceEntry } from '../../device-entry.ts';
import { inPackage } from '../../devices.ts';
import type { AssumedGrant } from '../replay.ts';

export interface PackagedTrace {
  readonly name: string;
  readonly file: string;
  /** What the driver was granted. */
  readonly memory: AssumedGrant;
}

/** @throws Error for a trace of whose memory the README says nothing */
export function packagedTraces(device: DeviceEntry): readonly PackagedTrace[] {
  const folder = inPackage(`drivers/${device.name}/traces`);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.jsonl.gz')) : [];
  return names.map((name) => ({
    name,
    file: join(folder, name),
    memory: memoryOf(readFileSync(join(folder, 'README.md'), 'utf8'), name),
  }));
}

/** "Its memory is ADDRESS:BYTES." follows the name of the trace. */
function memoryOf(readme: string, trace: string): AssumedGrant {
  const told = /Its memory is\s+(0x[0-9a-f]+):(0x[0-9a-f]+)\./.exec(readme.split(`\`${trace}\``)[1] ?? '');
  if (told === null) throw new Error(`the README does not tell the memory of ${trace}`);
  return { address: Number(told[1]), length: Number(told[2]) };
}
