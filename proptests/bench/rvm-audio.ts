/**
 * Does sound play on behind a monitor? One driver on QEMU's controller, with its monitor and with one that allows everything.
 *
 * Rounds alternate between the two. A player stays as far ahead of the device as every driver must let it, a third of a second; each time that the device runs out of
 * sound before the end counts as an underrun. What was played is compared with what the loudspeaker heard, bit for bit.
 */
import { playSteadily, Session } from '../../drivers/class/audio-session.ts';
import { audioOf } from '../../drivers/class/audio-work.ts';
import { FRAME_BYTES, RATE_DEFAULT } from '../../drivers/class/audio.ts';
import { Kernel, type Backing } from '../../kernel/index.ts';

export interface AudioOptions {
  readonly backing: Backing;
  /** Text of the driver program. */
  readonly program: string;
  readonly monitored: string;
  readonly allowAll: string;
  /** Pairs of rounds. */
  readonly rounds: number;
  /** Seconds of sound in each round. */
  readonly seconds: number;
}

export interface AudioResult {
  readonly underruns: number;
  readonly seconds: number;
  /** Real time for each frame of sound; a device that plays in time takes 20833 ns at 48 kHz. */
  readonly frameNs: number;
}

export interface AudioResults {
  readonly withMonitor: AudioResult;
  readonly passThrough: AudioResult;
}

/** @throws Error when sound is changed on its way, or a driver faults */
export async function measureAudio(options: AudioOptions): Promise<AudioResults> {
  const withMonitor: AudioResult[] = [];
  const passThrough: AudioResult[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const pair = [
      async () => void withMonitor.push(await playOnce(options, options.monitored)),
      async () => void passThrough.push(await playOnce(options, options.allowAll)),
    ];
    for (const play of round % 2 === 0 ? pair : pair.reverse()) await play();
  }
  return { withMonitor: sum(withMonitor), passThrough: sum(passThrough) };
}

async function playOnce(options: AudioOptions, monitorModule: string): Promise<AudioResult> {
  const kernel = Kernel.boot();
  const open = await options.backing.open();
  try {
    const ipd = await kernel.spawn({ name: 'ac97', program: options.program, monitorModule, backing: open });
    const session = new Session(audioOf(ipd, open));
    await session.waitUntil('the driver says `up`', () => session.count('up') === 1);
    const bytes = options.seconds * RATE_DEFAULT * FRAME_BYTES;
    const begun = process.hrtime.bigint();
    const { chunks, underruns } = await playSteadily(session, bytes);
    const frameNs = Number(process.hrtime.bigint() - begun) / (bytes / FRAME_BYTES);
    await session.waitHeard(chunks);
    if (ipd.fault !== undefined) throw new Error(`the driver was stopped: ${ipd.fault.kind}`);
    await ipd.stop();
    return { underruns, seconds: options.seconds, frameNs };
  } finally {
    await kernel.shutdown();
    await open.close();
  }
}

function sum(results: readonly AudioResult[]): AudioResult {
  return {
    underruns: results.reduce((total, { underruns }) => total + underruns, 0),
    seconds: results.reduce((total, { seconds }) => total + seconds, 0),
    frameNs: results.reduce((total, { frameNs }) => total + frameNs, 0) / results.length,
  };
}
