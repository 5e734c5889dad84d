/**
 * The audio class's exercise: a little sound each way, compared. Where nothing can be said into a device it is not asked to
 * record; and there the speaker is a file that fills in pieces, so silence is played after the sound.
 */
import { sound, withoutSilence } from './audio-session.ts';
import type { Exercise } from './exercise.ts';

const BYTES = 2048;
const SILENCE_BYTES = 32_768;

export const audioExercise: Exercise = (bench) => {
  const { ends, messages } = bench;
  const played = sound(BYTES, 1);
  const said = sound(BYTES, 2);
  const before = ends.speaker?.heard().length ?? 0;
  let looked = 0;
  let begun = false;
  const captured: Uint8Array[] = [];

  function begin(): void {
    begun = true;
    ends.microphone?.say(said);
    if (ends.microphone !== undefined) bench.send({ kind: 'start', stream: 'capture' });
    bench.send({ kind: 'play', samples: played });
    if (ends.microphone === undefined) bench.send({ kind: 'play', samples: new Uint8Array(SILENCE_BYTES) });
    bench.send({ kind: 'start', stream: 'playback' });
  }
  const endsWith = (bytes: Uint8Array, wanted: Uint8Array): boolean =>
    Buffer.compare(bytes.subarray(Math.max(0, bytes.length - wanted.length)), wanted) === 0;

  return () => {
    for (; looked < messages.length; looked += 1) {
      const message = messages[looked];
      if (message?.kind === 'up' && !begun) begin();
      if (message?.kind === 'captured' && message['samples'] instanceof Uint8Array) captured.push(message['samples']);
    }
    const isRecorded = ends.microphone === undefined || endsWith(withoutSilence(Buffer.concat(captured)), said);
    if (!begun || !isRecorded) return 'going';
    const heard = ends.speaker?.heard().subarray(before) ?? new Uint8Array(0);
    return endsWith(withoutSilence(heard), played) ? 'done' : 'going';
  };
};
