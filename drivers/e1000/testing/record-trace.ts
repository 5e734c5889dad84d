/**
 * Records the e1000 driver at work, unwatched, as a trace. `record-own-trace.ts` makes the one in `traces/` with it.
 */
import type { Backing } from '../../../kernel/abi.ts';
import { loadDeviceSpecification } from '../../devices.ts';
import { InlineDomain } from '../../inline/inline-domain.ts';
import { inRealTime } from '../../inline/paced-device.ts';
import { unwatched } from '../../inline/testing/unwatched.ts';
import { recordDevice } from '../../trace/record.ts';
import { e1000Doorbells } from '../doorbells.ts';
import e1000Driver from '../driver.ts';
import { E1000 } from '../entry.ts';

/** Frames each way before and after the reset in the middle: more than a ring of descriptors holds. */
const FRAMES = 300;
const IN_FLIGHT = 16;
const PATIENCE_MS = 10_000;

export interface Recording {
  readonly lines: readonly string[];
  /** The memory that all of the driver's regions lie in. */
  readonly dma: { readonly base: number; readonly sizeBytes: number };
}

/** Brings the card up, sends and receives, resets it, and does it again. */
export async function recordE1000(backing: Backing): Promise<Recording> {
  const { module } = await loadDeviceSpecification(E1000);
  const open = await backing.open();
  const lines: string[] = [];
  const device = recordDevice(open.attachHere(), e1000Doorbells(), (line) => lines.push(line));
  const driver = new InlineDomain({
    device: inRealTime(device, open.dma),
    program: e1000Driver,
    monitor: unwatched(module.info),
  });
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    const deadline = performance.now() + PATIENCE_MS;
    for (driver.poll(); !holds(); driver.poll()) {
      if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const count = (kind: string): number =>
    driver.messages.reduce(
      (sum, message) => (message.kind !== kind ? sum : sum + (kind === 'transmitted' ? Number(message['count']) : 1)),
      0,
    );
  try {
    for (let part = 1; part <= 2; part += 1) {
      await until(`the card is up (${part})`, () => count('up') === part);
      const mac = String(driver.messages.findLast((message) => message.kind === 'up')?.['mac']);
      for (let index = 0; index < FRAMES; index += IN_FLIGHT) {
        const before = { transmitted: count('transmitted'), receive: count('receive') };
        for (let more = 0; more < IN_FLIGHT; more += 1) {
          driver.send({ kind: 'transmit', frame: frameTo(mac, index + more) });
          open.wire?.send(frameTo(mac, index + more));
        }
        await until('frames have passed', () => {
          const passed = (kind: keyof typeof before): boolean => count(kind) === before[kind] + IN_FLIGHT;
          return passed('transmitted') && passed('receive');
        });
      }
      if (part === 1) driver.send({ kind: 'reset' });
    }
    return { lines, dma: open.dma };
  } finally {
    device.detach();
    await open.close();
  }
}

function frameTo(mac: string, number: number): Uint8Array {
  const frame = new Uint8Array(60 + ((number * 97) % 1455)).fill(number & 0xff);
  frame.set(mac.split(':').map((byte) => Number.parseInt(byte, 16)));
  frame.set([2, 0, 0, 0, 0, 1, 0x88, 0xb5], 6);
  return frame;
}
