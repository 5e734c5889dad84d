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
      const pings = facts.get('ping') ?? [];
      const answered = pings.reduce((sum, text) => sum + Number(text.split(' ')[1] ?? 0), 0);
      const sums = facts.get('sha256') ?? [];
      const wrong = [
        ...(pings.length >= PING_SIZES && answered === PINGS * pings.length
          ? []
          : [`only ${answered} pings were answered`]),
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
