/** The far side of a network card: QEMU's user-mode network, closed to the world, with one file to fetch by TFTP. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rateOf, type Outside } from './outside.ts';

const PAYLOAD_BYTES = 400_000;
const PINGS = 3;
const PING_SIZES = 3;

export function network(folder: string, payloadBytes = PAYLOAD_BYTES): Outside {
  const payload = randomBytes(payloadBytes);
  const expected = createHash('sha256').update(payload).digest('hex');
  const served = join(folder, 'tftp');
  mkdirSync(served);
  writeFileSync(join(served, 'payload'), payload);
  return {
    // `restrict`: the guest reaches this network's own services and nothing behind them.
    arguments: ['-netdev', `user,id=outside,restrict=on,tftp=${served}`],
    properties: ['netdev=outside'],
    judge: (facts) => {
      // A size, and how many were answered; nothing, where not one was.
      const pings = (facts.get('ping') ?? []).map((text) => text.split(' ').map(Number));
      const answered = pings.reduce((sum, [, count = 0]) => sum + count, 0);
      const sums = facts.get('sha256') ?? [];
      const wrong = [
        ...(pings.length >= PING_SIZES ? [] : [`only ${pings.length} of ${PING_SIZES} sizes of ping were tried`]),
        ...pings.flatMap(([size, count = 0], index) =>
          count === PINGS
            ? []
            : [
                `${count} of ${PINGS} pings of ${size} bytes were answered in time (set ${index + 1} of ${pings.length})`,
              ],
        ),
        ...(sums.length > 0 && sums.every((sum) => sum === expected)
          ? []
          : ['the file arrived changed, or not at all']),
      ];
      const rate = rateOf(facts, payloadBytes);
      const summary = `${answered} pings answered, ${payloadBytes * sums.length} bytes by TFTP, each compared by SHA-256`;
      return { wrong, summary, ...rate };
    },
  };
}
