/** The network class's exercise: a few frames each way, compared. */
import type { Exercise } from './exercise.ts';
import { testFrame } from './network-traffic.ts';

const FRAMES = 4;

export const networkExercise: Exercise = (bench) => {
  const { ends, messages } = bench;
  const seen = { sent: 0, received: 0, looked: 0 };
  let mac: string | undefined;
  ends.wire?.onFrame((frame) => {
    if (mac !== undefined && same(frame, testFrame(mac, seen.sent))) seen.sent += 1;
  });
  function begin(address: string): void {
    mac = address;
    for (let number = 0; number < FRAMES; number += 1) {
      bench.send({ kind: 'transmit', frame: testFrame(address, number) });
      ends.wire?.send(testFrame(address, number));
    }
  }
  return () => {
    for (; seen.looked < messages.length; seen.looked += 1) {
      const message = messages[seen.looked];
      if (message?.kind === 'up' && mac === undefined) begin(String(message['mac']));
      const frame = message?.kind === 'receive' ? message['frame'] : undefined;
      if (mac !== undefined && frame instanceof Uint8Array && same(frame, testFrame(mac, seen.received)))
        seen.received += 1;
    }
    return seen.sent === FRAMES && seen.received === FRAMES ? 'done' : 'going';
  };
};

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
