/**
 * The conformance suite of the audio class: every sound driver passes it, on every device it runs on.
 *
 * A check starts the driver afresh, talks to it by messages, and listens at the loudspeaker. No frame of what it plays is
 * silent, so what was heard is compared bit for bit after silent frames are taken out; where nothing may be missing in
 * between, as a whole. Checks wait for what should come, up to a deadline, and never for a fixed time.
 */
import assert from 'node:assert/strict';
import { CHUNK, playSteadily, Session, sound, total, withoutSilence, type AudioUnderTest } from './audio-session.ts';
import { CHUNK_MAX_BYTES, FRAME_BYTES, QUEUE_MIN_BYTES, RATE_DEFAULT, VOLUME_MAX } from './audio.ts';

export interface ConformanceCheck {
  readonly name: string;
  /** What the device needs for it. */
  readonly needs: 'loudspeaker' | 'recorder' | 'nothing';
  run(): Promise<void>;
}

/** Chunks of one frame, and around the sizes of buffers and pages. */
const SIZES = [4, 8, 252, 256, 260, 4092, 4096, 4100, 8192];
const SECOND = RATE_DEFAULT * FRAME_BYTES;
/** A tenth of a second, more or less. */
const SHORT = 20_000;

/** @param start starts a fresh driver; the suite closes it */
export function audioConformance(start: () => Promise<AudioUnderTest>): readonly ConformanceCheck[] {
  function check(
    name: string,
    needs: ConformanceCheck['needs'],
    body: (session: Session) => Promise<void>,
  ): ConformanceCheck {
    return {
      name,
      needs,
      async run() {
        const audio = await start();
        try {
          const session = new Session(audio);
          await session.waitUntil('the driver says `up`', () => session.count('up') === 1);
          await body(session);
        } finally {
          await audio.close();
        }
      },
    };
  }
  return [
    check('comes up at its rate, and says nothing else', 'nothing', (session) => {
      assert.deepEqual(session.audio.messages, [{ kind: 'up', hertz: session.audio.hertz }]);
      return Promise.resolve();
    }),
    check('plays chunks of one frame to two pages bit for bit, in order', 'loudspeaker', async (session) => {
      const chunks = SIZES.map((size, index) => sound(size, index));
      for (const chunk of chunks) session.play(chunk);
      await session.start('playback');
      await session.waitPlayed(total(chunks));
      await session.waitHeard(chunks);
    }),
    check('plays the largest chunk, also if it comes after the start', 'loudspeaker', async (session) => {
      await session.start('playback');
      const chunk = sound(CHUNK_MAX_BYTES, 5);
      session.play(chunk);
      await session.waitPlayed(chunk.length);
      await session.waitHeard([chunk]);
    }),
    check('plays a second without a gap', 'loudspeaker', async (session) => {
      const { chunks, underruns } = await playSteadily(session, SECOND);
      assert.equal(underruns, 0);
      assert.equal(session.count('full'), 0);
      await session.waitHeard(chunks);
      const heard = session.heard();
      const whole = Buffer.concat(chunks);
      const from = Buffer.from(heard).indexOf(whole.subarray(0, 64));
      assert.ok(from >= 0 && whole.equals(heard.subarray(from, from + whole.length)), 'there is silence in between');
    }),
    check('says once that it ran out of sound, and goes on when there is more', 'loudspeaker', async (session) => {
      await session.start('playback');
      const chunks = [sound(SHORT, 1), sound(SHORT, 2), sound(256, 3)];
      for (const [index, chunk] of chunks.entries()) {
        session.play(chunk);
        await session.waitUntil(`underrun ${index + 1}`, () => session.count('underrun') === index + 1);
        await session.pass(30);
        assert.equal(session.count('underrun'), index + 1);
      }
      assert.equal(session.played(), total(chunks));
      await session.waitHeard(chunks);
    }),
    check('holds playback in a pause, at any point, and loses nothing', 'loudspeaker', async (session) => {
      const chunks = Array.from({ length: 8 }, (_, index) => sound(CHUNK, index));
      for (const chunk of chunks) session.play(chunk);
      for (const part of [1, 3, 4]) {
        await session.start('playback');
        await session.waitPlayed(part * CHUNK);
        await session.tell('pause', 'playback', 'paused');
        const played = session.played();
        await session.pass(30);
        assert.equal(session.played(), played, 'nothing is played in a pause');
      }
      session.play(sound(SHORT, 99));
      await session.start('playback');
      await session.waitPlayed(total(chunks) + SHORT);
      await session.waitHeard([...chunks, sound(SHORT, 99)]);
    }),
    check('drops what is queued when stopped, and plays what comes after', 'loudspeaker', async (session) => {
      session.play(sound(SHORT, 1));
      await session.tell('stop', 'playback', 'stopped');
      await session.start('playback');
      session.play(sound(CHUNK, 2));
      await session.waitPlayed(CHUNK);
      await session.tell('stop', 'playback', 'stopped');
      session.play(sound(SHORT, 3));
      await session.start('playback');
      await session.waitPlayed(CHUNK + SHORT);
      await session.waitHeard([sound(CHUNK, 2), sound(SHORT, 3)]);
    }),
    check(
      'takes what it must, refuses what is too much with `full`, and plays exactly the rest',
      'loudspeaker',
      async (session) => {
        const chunks = Array.from({ length: 160 }, (_, index) => sound(CHUNK, index));
        const taken: Uint8Array[] = [];
        for (const chunk of chunks) {
          const before = session.count('full');
          const answers = session.count('volume');
          session.play(chunk);
          // Only `full` may come now, and it comes before the answer to the next question.
          session.audio.send({ kind: 'volume', left: VOLUME_MAX, right: VOLUME_MAX });
          await session.waitUntil('an answer', () => session.count('volume') > answers);
          if (session.count('full') === before) taken.push(chunk);
        }
        assert.ok(total(taken) >= QUEUE_MIN_BYTES && taken.length < chunks.length, `${total(taken)} bytes were taken`);
        await session.start('playback');
        await session.waitPlayed(total(taken));
        await session.waitHeard(taken);
      },
    ),
    check('is silent at volume 0, softer at 50, and bit for bit at 100', 'loudspeaker', async (session) => {
      const peaks: number[] = [];
      for (const level of [0, 50, VOLUME_MAX]) {
        session.audio.send({ kind: 'volume', left: level, right: level });
        await session.start('playback');
        const before = session.heard().length;
        session.play(sound(SHORT, level + 1));
        if (level === VOLUME_MAX) await session.waitHeard([sound(SHORT, level + 1)], 'at last');
        else await session.flush();
        peaks.push(peak(session.heard().subarray(before - (before % FRAME_BYTES))));
        await session.tell('stop', 'playback', 'stopped');
      }
      assert.equal(peaks[0], 0);
      assert.ok((peaks[1] ?? 0) > 0 && (peaks[1] ?? 0) < (peaks[2] ?? 0), `peaks ${peaks.join(', ')}`);
    }),
    check('says which rate it plays at, plays at it, and comes back to its own', 'loudspeaker', async (session) => {
      const own = session.audio.hertz;
      for (const hertz of [32_000, 8000, own]) {
        const rate = await session.rate('playback', hertz);
        assert.ok(rate > 0 && (hertz !== own || rate === hertz), `${rate} for ${hertz}`);
        const before = session.played();
        session.play(sound(CHUNK, hertz));
        await session.start('playback');
        await session.waitPlayed(before + CHUNK);
        await session.tell('stop', 'playback', 'stopped');
      }
      session.play(sound(SHORT, 7));
      await session.start('playback');
      await session.waitHeard([sound(SHORT, 7)], 'at last');
    }),
    check('captures what the microphone hears, bit for bit, or silence', 'recorder', async (session) => {
      const said = sound(SECOND / 4, 9);
      session.audio.say?.(said);
      await session.start('capture');
      await session.waitUntil('a third of a second is recorded', () => session.captured().length >= SECOND / 3);
      await session.tell('stop', 'capture', 'stopped');
      const captured = session.captured();
      assert.equal(captured.length % FRAME_BYTES, 0);
      const expected = session.audio.say === undefined ? new Uint8Array(0) : said;
      assert.deepEqual(Buffer.from(withoutSilence(captured)), Buffer.from(expected));
      assert.equal(session.count('overrun'), 0);
    }),
    check('captures nothing in a pause, and loses nothing of what was said around it', 'recorder', async (session) => {
      const said = sound(SECOND / 5, 4);
      session.audio.say?.(said);
      for (const part of [1, 2, 3]) {
        await session.start('capture');
        await session.waitUntil('some is recorded', () => session.captured().length >= (part * SECOND) / 12);
        await session.tell('pause', 'capture', 'paused');
        const length = session.captured().length;
        await session.pass(30);
        assert.equal(session.captured().length, length);
      }
      const expected = session.audio.say === undefined ? new Uint8Array(0) : said;
      assert.deepEqual(Buffer.from(withoutSilence(session.captured())), Buffer.from(expected));
    }),
    check('records while it plays', 'recorder', async (session) => {
      await session.start('capture');
      await session.start('playback');
      session.play(sound(SHORT, 3));
      await session.waitPlayed(SHORT);
      await session.waitUntil('as much is recorded', () => session.captured().length >= SHORT / 2);
    }),
    check('ignores what is no request, and goes on', 'nothing', async (session) => {
      const wrong = [undefined, null, -1, 0.5, Number.NaN, 2 ** 53, '0', 0n, {}, 'playback!'];
      for (const value of wrong) {
        for (const kind of ['start', 'pause', 'stop']) session.audio.send({ kind, stream: value });
        session.audio.send({ kind: 'play', samples: value });
        session.audio.send({ kind: 'rate', stream: value, hertz: RATE_DEFAULT });
        session.audio.send({ kind: 'rate', stream: 'playback', hertz: value });
        session.audio.send({ kind: 'volume', left: value, right: VOLUME_MAX });
      }
      for (const length of [0, 1, 3, 6, CHUNK_MAX_BYTES + FRAME_BYTES])
        session.audio.send({ kind: 'play', samples: new Uint8Array(length) });
      session.audio.send({ kind: 'volume', left: VOLUME_MAX + 1, right: 0 });
      session.audio.send({ kind: 'no such message' });
      await session.start('playback');
      session.play(sound(CHUNK, 1));
      await session.waitPlayed(CHUNK);
      const kinds = session.audio.messages.map(({ kind }) => kind).filter((kind) => kind !== 'underrun');
      assert.deepEqual(kinds, ['up', 'started', 'played']);
    }),
    check('works again after a reset in the middle of everything', 'loudspeaker', async (session) => {
      await session.start('playback');
      session.play(sound(QUEUE_MIN_BYTES / 2, 1));
      await session.waitPlayed(CHUNK);
      session.audio.send({ kind: 'volume', left: 10, right: 10 });
      session.audio.send({ kind: 'reset' });
      await session.waitUntil('the driver says `up` again', () => session.count('up') === 2);
      await session.start('playback');
      session.play(sound(SHORT, 2));
      await session.waitHeard([sound(SHORT, 2)], 'at last');
    }),
  ];
}

function peak(samples: Uint8Array): number {
  const view = new DataView(samples.buffer, samples.byteOffset, samples.length);
  let most = 0;
  for (let at = 0; at + 2 <= samples.length; at += 2) most = Math.max(most, Math.abs(view.getInt16(at, true)));
  return most;
}
