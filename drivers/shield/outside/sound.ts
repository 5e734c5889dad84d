/** The far side of a sound card: a recording of what came out of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outside } from './outside.ts';

const RATE = 48_000;
const HEADER_BYTES = 44;
/** Two channels of 16 bits. */
const FRAME_BYTES = 4;
const LOUD = 1000;
/** Silence of this length within the tone is an underrun: longer than half a period of the tone by far. */
const GAP_FRAMES = RATE / 100;
/** The guest plays 1.024 s each time. */
const TONE_SECONDS = 1.024;

export function sound(folder: string): Outside {
  const file = join(folder, 'sound.wav');
  return {
    arguments: ['-audiodev', `wav,id=out,path=${file},out.frequency=${RATE}`],
    properties: ['audiodev=out'],
    judge: (facts) => {
      const played = (facts.get('played') ?? []).length;
      const { loudSeconds, gaps } = listen(readFileSync(file));
      const expected = played * TONE_SECONDS;
      // Between one playing and the next there is silence, which is no underrun.
      const underruns = Math.max(0, gaps - Math.max(0, played - 1));
      const heard = loudSeconds > 0.95 * expected && loudSeconds < 1.1 * expected;
      const wrong =
        played > 0 && heard ? [] : [`${loudSeconds.toFixed(2)} s of tone were heard, not ${expected.toFixed(2)} s`];
      return { wrong, summary: `${loudSeconds.toFixed(2)} s of tone heard on the far side, ${underruns} underruns` };
    },
  };
}

function listen(wav: Buffer): { readonly loudSeconds: number; readonly gaps: number } {
  let loud = 0;
  let gaps = 0;
  let quiet = 0;
  for (let at = HEADER_BYTES; at + FRAME_BYTES <= wav.length; at += FRAME_BYTES) {
    if (Math.abs(wav.readInt16LE(at)) < LOUD) {
      quiet += 1;
      continue;
    }
    if (loud > 0 && quiet >= GAP_FRAMES) gaps += 1;
    // The few quiet frames where the wave crosses zero belong to the tone.
    loud += quiet < GAP_FRAMES && loud > 0 ? quiet + 1 : 1;
    quiet = 0;
  }
  return { loudSeconds: loud / RATE, gaps };
}
