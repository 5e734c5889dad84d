/** The far side of a disk controller: an image that the guest reads from and writes to, compared afterwards byte by byte. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rateOf, type Outside } from './outside.ts';

const DISK_BYTES = 8 << 20;
/** What the guest reads at 0, and writes again at `COPY_AT`. */
const DATA_BYTES = 1 << 20;
const COPY_AT = 3 << 20;

/** @param device what sits on the controller's bus, as in `-device` */
export function disk(folder: string, device: string): Outside {
  const data = randomBytes(DATA_BYTES);
  const expected = createHash('sha256').update(data).digest('hex');
  const image = join(folder, 'disk.img');
  writeFileSync(image, data);
  truncateSync(image, DISK_BYTES);
  return {
    arguments: ['-drive', `if=none,id=disk,file=${image},format=raw`],
    properties: [],
    argumentsAfter: ['-device', `${device},drive=disk`],
    judge: (facts) => {
      const sums = facts.get('sha256') ?? [];
      const copy = readFileSync(image).subarray(COPY_AT, COPY_AT + DATA_BYTES);
      const wrong = [
        ...(sums.length > 0 && sums.every((sum) => sum === expected)
          ? []
          : ['the guest read something else than is on the disk']),
        ...(copy.equals(data) ? [] : ['what the guest wrote is not on the disk']),
      ];
      const rate = rateOf(facts, 2 * DATA_BYTES);
      return {
        wrong,
        summary: `${DATA_BYTES * sums.length} bytes read and as many written, each compared with the disk`,
        ...rate,
      };
    },
  };
}
