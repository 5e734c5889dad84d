/** The audio class's exercise: a little sound each way, compared. */
import { sound, withoutSilence } from './audio-session.ts';
import type { Exercise } from './exercise.ts';

const BYTES = 2048;

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
    bench.send({ kind: 'start', stream: 'capture' });
    bench.send({ kind: 'play', samples: played });
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
    if (!begun || !endsWith(withoutSilence(Buffer.concat(captured)), said)) return 'going';
    const heard = ends.speaker?.heard().subarray(before) ?? new Uint8Array(0);
    return endsWith(withoutSilence(heard), played) ? 'done' : 'going';
  };
};
