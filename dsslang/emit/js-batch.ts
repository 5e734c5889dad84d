/** The batch entry of an emitted module (batch.ts): one loop that the engine compiles together with what it calls. */
import { BATCH_KINDS, BATCH_PARAMETERS, type BatchKind } from '../batch.ts';
import { indent } from './js-handlers.ts';

const access = 'spaces[i], offsets[i], widths[i]';
const address = 'his[i] * 4294967296 + los[i]';

const calls: Readonly<Record<BatchKind, string>> = {
  read: `read(${access}, nows[i])`,
  report: `report(${access}, los[i], his[i], nows[i])`,
  write: `write(${access}, los[i], his[i], nows[i])`,
  store: `store(${address}, offsets[i], nows[i])`,
  interrupt: 'interrupt(nows[i])',
  check: 'check(nows[i])',
  tick: 'tick(nows[i])',
  grant: `grant(${address}, nows[i], widths[i])`,
  place: `place(spaces[i], ${address}, nows[i])`,
  reset: '(reset(), 0)',
};

/** The function `runBatch`. */
export function batchCode(): string[] {
  return [
    `function runBatch(${BATCH_PARAMETERS.map(([name]) => name).join(', ')}) {`,
    '  let denied = 0;',
    '  for (let i = 0; i < count; i += 1) {',
    '    let verdict = 0;',
    '    switch (kinds[i]) {',
    ...indent(indent(indent(BATCH_KINDS.map((kind, number) => `case ${number}: verdict = ${calls[kind]}; break;`)))),
    "      default: throw new RangeError('no such kind of operation');",
    '    }',
    '    verdicts[i] = verdict;',
    '    if (verdict > 0) denied += 1;',
    '    else if (verdict < 0 && (kinds[i] === 1 || kinds[i] === 2)) { los[i] = delivered[0]; his[i] = delivered[1]; }',
    '  }',
    '  return denied;',
    '}',
  ];
}
