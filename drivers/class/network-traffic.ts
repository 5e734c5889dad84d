/** The honest driver at work: frames out, frames in, counted and compared byte by byte. */
import type { DriverMessage, Ipd, OpenBacking } from '../../kernel/index.ts';
import { WorkError, type WorkResult } from '../device-entry.ts';

export interface TrafficResult {
  readonly mac: string;
  /** Frames that reached the wire unchanged, and frames that reached the driver's client unchanged. */
  readonly sent: number;
  readonly received: number;
  readonly milliseconds: number;
}

const TIMEOUT_MS = 10_000;
/** Half the driver's ring: it never has to refuse one. */
const IN_FLIGHT_MAX = 24;
const ETHERTYPE_EXPERIMENTAL = [0x88, 0xb5];

const DEMO_FRAMES = 100;

/** The work of a network device in the demo: frames both ways. @throws WorkError */
export async function networkWork(ipd: Ipd, backing: OpenBacking): Promise<WorkResult> {
  const { mac, sent, received, milliseconds } = await exchangeFrames(ipd, backing, await whenUp(ipd), DEMO_FRAMES);
  const summary = `${mac} is up; ${sent} frames out, ${received} in, each compared byte by byte`;
  return { summary, counts: { mac, sent, received }, milliseconds };
}

/** An Ethernet frame to `mac` whose length and content follow from its number. */
export function testFrame(mac: string, number: number): Uint8Array {
  const frame = new Uint8Array(60 + ((number * 131) % 1455));
  for (let index = 14; index < frame.length; index += 1) frame[index] = (number * 7 + index) & 0xff;
  frame.set(mac.split(':').map((byte) => Number.parseInt(byte, 16)));
  frame.set([2, 0, 0, 0, 0, 1], 6);
  frame.set(ETHERTYPE_EXPERIMENTAL, 12);
  return frame;
}

const equal = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0;

/**
 * Sends `count` frames each way through a running driver.
 * @param mac what the driver said in its `up` message
 * @throws WorkError if one is lost, changed or late, or if the driver is faulted
 */
export async function exchangeFrames(
  ipd: Ipd,
  backing: OpenBacking,
  mac: string,
  count: number,
): Promise<TrafficResult> {
  const { wire } = backing;
  if (wire === undefined) throw new WorkError(`${backing.name} has no wire`, undefined);
  const started = performance.now();
  const state = { sent: 0, received: 0, transmitted: 0, offered: 0, arrived: 0 };
  await new Promise<void>((resolve, reject) => {
    let over = false;
    const end = (problem?: string): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (problem === undefined) resolve();
      else reject(new WorkError(problem, ipd.fault));
    };
    const timer = setTimeout(
      () => end(`after ${TIMEOUT_MS} ms ${state.sent} of ${count} frames were sent, ${state.received} received`),
      TIMEOUT_MS,
    );
    const pump = (): void => {
      if (over) return;
      while (state.offered < count && state.offered - state.transmitted < IN_FLIGHT_MAX) {
        ipd.send({ kind: 'transmit', frame: testFrame(mac, state.offered) });
        state.offered += 1;
      }
      while (state.arrived < count && state.arrived - state.received < IN_FLIGHT_MAX) {
        wire.send(testFrame(mac, state.arrived));
        state.arrived += 1;
      }
      if (state.sent === count && state.received === count && state.transmitted === count) end();
    };
    wire.onFrame((frame) => {
      if (over) return;
      if (!equal(frame, testFrame(mac, state.sent))) return end(`frame ${state.sent} changed on its way out`);
      state.sent += 1;
      pump();
    });
    ipd.onMessage((message: DriverMessage) => {
      if (over) return;
      if (message.kind === 'transmitted') state.transmitted += Number(message['count']);
      if (message.kind === 'receive') {
        if (!equal(message['frame'] as Uint8Array, testFrame(mac, state.received)))
          return end(`frame ${state.received} changed on its way in`);
        state.received += 1;
      }
      pump();
    });
    void ipd.exited.then(() => end('the driver was stopped'));
    pump();
  });
  return { mac, sent: state.sent, received: state.received, milliseconds: Math.round(performance.now() - started) };
}

/** Resolves with the MAC address once the driver says that its card is up. */
export function whenUp(ipd: Ipd): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new WorkError('the card did not come up', ipd.fault)), TIMEOUT_MS);
    ipd.onMessage((message) => {
      if (message.kind !== 'up') return;
      clearTimeout(timer);
      resolve(String(message['mac']));
    });
    void ipd.exited.then(() => {
      clearTimeout(timer);
      reject(new WorkError('the driver was stopped before its card was up', ipd.fault));
    });
  });
}
