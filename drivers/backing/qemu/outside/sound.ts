/**
 * The loudspeaker of a sound device: QEMU's `wav` audio, into a file without a name that this process reads back.
 *
 * QEMU writes the head of the file when it starts and fills in its lengths only when it ends in good order, so the samples
 * are what follows the 44 bytes of the head. They are written through a buffer: the last 4 KiB of what was played are heard
 * a little later, when more is played. There is no microphone at this end: QEMU's `wav` records nothing, so a capture engine
 * never moves. `quiet.ts` is for that.
 */
import { closeSync, fstatSync, readSync } from 'node:fs';
import { openNamelessFile } from '../ram-file.ts';
import type { Plug } from './plug.ts';

const HEAD_BYTES = 44;
const FRAME_BYTES = 4;
/** About three minutes at 48 kHz. What is played after that is not heard. */
export const HEARD_MAX_BYTES = 32 << 20;

/** @param hertz the device's own rate, or QEMU would make another of what it plays */
export function soundPlug(hertz: number): Plug {
  let file: number | undefined;

  function heard(): Uint8Array {
    if (file === undefined) return new Uint8Array(0);
    const length = Math.max(0, Math.min(HEARD_MAX_BYTES, fstatSync(file).size - HEAD_BYTES));
    const samples = new Uint8Array(length - (length % FRAME_BYTES));
    for (let done = 0; done < samples.length;) {
      const count = readSync(file, samples, done, samples.length - done, HEAD_BYTES + done);
      if (count === 0) return samples.slice(0, done - (done % FRAME_BYTES));
      done += count;
    }
    return samples;
  }

  return {
    needsSocket: false,
    before: (fd) => ['-audiodev', `wav,id=sound,path=/dev/fd/${fd},out.frequency=${hertz}`],
    file: () => (file ??= openNamelessFile(0)),
    property: 'audiodev=sound',
    connect: () => ({ speaker: { heard } }),
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}
