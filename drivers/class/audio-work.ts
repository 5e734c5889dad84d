/** The honest sound driver at work in the demo: half a second played and, where there is a microphone, some recorded. */
import type { DriverMessage, Ipd, OpenBacking } from '../../kernel/index.ts';
import { WorkError, type WorkResult } from '../device-entry.ts';
import { playSteadily, Session, sound, total, withoutSilence, type AudioUnderTest } from './audio-session.ts';
import { FRAME_BYTES, RATE_DEFAULT } from './audio.ts';

const PLAYED_BYTES = (RATE_DEFAULT / 2) * FRAME_BYTES;
const SAID_BYTES = (RATE_DEFAULT / 10) * FRAME_BYTES;

/** Plays and records, and compares all of it with what the far ends heard and said. @throws WorkError */
export async function audioWork(ipd: Ipd, backing: OpenBacking): Promise<WorkResult> {
  const begun = performance.now();
  try {
    const audio = audioOf(ipd, backing);
    const session = new Session(audio);
    await session.waitUntil('the driver says `up`', () => session.count('up') === 1);
    const { chunks, underruns } = await playSteadily(session, PLAYED_BYTES);
    await session.waitHeard(chunks);
    const played = total(chunks) / FRAME_BYTES;
    const recorded = backing.microphone === undefined ? 0 : await record(session);
    const milliseconds = Math.round(performance.now() - begun);
    const listened = `${played} frames played at ${audio.hertz} Hz, ${underruns} underruns`;
    const summary = `${listened}; ${recorded} frames recorded; each compared byte by byte`;
    return { summary, counts: { played, recorded, underruns }, milliseconds };
  } catch (error) {
    if (error instanceof WorkError) throw error;
    throw new WorkError(error instanceof Error ? error.message : 'unknown', ipd.fault);
  }
}

async function record(session: Session): Promise<number> {
  const said = sound(SAID_BYTES, 1);
  session.audio.say?.(said);
  await session.start('capture');
  await session.waitUntil('it is recorded', () => withoutSilence(session.captured()).length >= said.length);
  await session.tell('stop', 'capture', 'stopped');
  if (Buffer.compare(withoutSilence(session.captured()), said) !== 0)
    throw new WorkError('the sound changed on its way in', undefined);
  return said.length / FRAME_BYTES;
}

/** A running driver and the ends of its device, as a session wants them. Closing it changes nothing. */
export function audioOf(ipd: Ipd, backing: OpenBacking): AudioUnderTest {
  const { speaker, microphone } = backing;
  const messages: DriverMessage[] = [];
  ipd.onMessage((message) => messages.push(message));
  return {
    get hertz() {
      return Number(messages.find(({ kind }) => kind === 'up')?.['hertz']);
    },
    send: (message) => ipd.send(message),
    messages,
    heard: speaker === undefined ? undefined : () => speaker.heard(),
    say: microphone === undefined ? undefined : (samples) => microphone.say(samples),
    close: () => Promise.resolve(),
  };
}
