/** The block class's exercise: a few sectors written, looked at on the medium, and read back. */
import type { Exercise } from './exercise.ts';
import { testBytes } from './block-work.ts';

const SECTORS = [0, 3, 17];
const COUNT = 2;
/** Sectors that are compared, each way. */
export const BLOCK_SECTORS = SECTORS.length * COUNT;

export const blockExercise: Exercise = (bench) => {
  const { ends, messages } = bench;
  let looked = 0;
  let sectorBytes = 0;
  let step = 0;
  /** Two steps for each place: written and seen on the medium, then read back. */
  function ask(): void {
    const sector = SECTORS[step >> 1];
    if (sector === undefined) return;
    if (step % 2 === 1) bench.send({ kind: 'read', tag: step, sector, count: COUNT });
    else bench.send({ kind: 'write', tag: step, sector, bytes: testBytes(sector, COUNT * sectorBytes) });
  }
  return () => {
    for (; looked < messages.length; looked += 1) {
      const message = messages[looked];
      if (message?.kind === 'up' && message['sectors'] !== undefined && sectorBytes === 0) {
        sectorBytes = Number(message['sectorBytes']);
        ask();
      }
      if (message?.['tag'] !== step) continue;
      const sector = SECTORS[step >> 1] ?? 0;
      const found =
        message.kind === 'written'
          ? ends.disk?.read(sector * sectorBytes, COUNT * sectorBytes)
          : message.kind === 'data'
            ? message['bytes']
            : undefined;
      if (!(found instanceof Uint8Array) || Buffer.compare(found, testBytes(sector, COUNT * sectorBytes)) !== 0)
        continue;
      step += 1;
      ask();
    }
    return step === 2 * SECTORS.length ? 'done' : 'going';
  };
};
