/**
 * The conformance suite of the block class: every disk driver passes it, on every device it runs on.
 *
 * A check starts the driver afresh, talks to it by messages and looks at the medium itself, past the device. Checks wait
 * for what should come, up to a deadline, and never for a fixed time; a failed check throws with what was seen.
 */
import assert from 'node:assert/strict';
import type { DriverMessage } from '../../kernel/abi.ts';
import { REQUESTS_MAX, TRANSFER_MAX_BYTES } from './block.ts';

/** A running disk driver, and the medium behind its disk: of at least 1 MiB. */
export interface BlockUnderTest {
  readonly sectorBytes: number;
  /** The medium, past the device. Checks write to it only while no request is under way. */
  readonly disk: {
    readonly sizeBytes: number;
    read(offset: number, length: number): Uint8Array;
    write(offset: number, bytes: Uint8Array): void;
  };
  /** A message to the driver. */
  send(message: DriverMessage): void;
  /** Every message from the driver so far, in order; grows. */
  readonly messages: readonly DriverMessage[];
  /** Where time is virtual: lets some pass. Called while a check waits. */
  idle?(): void;
  close(): Promise<void>;
}

export interface ConformanceCheck {
  readonly name: string;
  run(): Promise<void>;
}

const PATIENCE_MS = 20_000;
/** Requests of the long runs, and of the flood that is more than a driver must take. */
const LONG_RUN = 200;
const FLOOD = 100;
/** Transfers of so many sectors are made of and into one sector, odd, even, whole pages and one beside. */
const COUNTS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128];

/** @param start starts a fresh driver on a fresh disk; the suite closes it */
export function blockConformance(start: () => Promise<BlockUnderTest>): readonly ConformanceCheck[] {
  function check(name: string, body: (session: Session) => Promise<void>): ConformanceCheck {
    return {
      name,
      async run() {
        const block = await start();
        try {
          const session = new Session(block);
          await session.waitUntil('the driver says `up`', () => session.count('up') === 1);
          await body(session);
        } finally {
          await block.close();
        }
      },
    };
  }
  return [
    check('comes up with the size of the medium', (session) => {
      const up = session.block.messages.find((message) => message.kind === 'up');
      assert.deepEqual(up, { kind: 'up', sectors: session.sectors, sectorBytes: session.sectorBytes });
      return Promise.resolve();
    }),
    check('reads the first, the last and other single sectors bit for bit', async (session) => {
      for (const sector of [0, 1, 255, 256, session.sectors - 2, session.sectors - 1]) {
        session.lay(sector, pattern(session.sectorBytes, sector));
        await session.expectRead(sector, 1);
      }
    }),
    check('writes the first, the last and other single sectors, and no others', async (session) => {
      for (const sector of [0, 1, 255, 256, session.sectors - 2, session.sectors - 1]) {
        const from = Math.max(0, sector - 2);
        const around = session.look(from, Math.min(5, session.sectors - from));
        const bytes = pattern(session.sectorBytes, sector + 1);
        await session.write(sector, bytes);
        around.set(bytes, (sector - from) * session.sectorBytes);
        assert.deepEqual(session.look(from, around.length / session.sectorBytes), around);
      }
    }),
    check('moves one to 128 sectors at a time in both directions', async (session) => {
      for (const count of COUNTS) {
        session.lay(count, pattern(count * session.sectorBytes, count));
        await session.expectRead(count, count);
        const bytes = pattern(count * session.sectorBytes, count + 1);
        await session.write(300, bytes);
        assert.deepEqual(session.look(300, count), bytes);
      }
    }),
    check(
      'moves the most that a request may, also at both ends of the disk, and refuses one sector more',
      async (session) => {
        const most = TRANSFER_MAX_BYTES / session.sectorBytes;
        for (const sector of [0, 1, session.sectors - most]) {
          session.lay(sector, pattern(TRANSFER_MAX_BYTES, sector));
          await session.expectRead(sector, most);
          const bytes = pattern(TRANSFER_MAX_BYTES, sector + 1);
          await session.write(sector, bytes);
          assert.deepEqual(session.look(sector, most), bytes);
        }
        const more = TRANSFER_MAX_BYTES + session.sectorBytes;
        await session.expectError({ kind: 'read', sector: 0, count: most + 1 }, 'range');
        await session.expectError({ kind: 'write', sector: 0, bytes: new Uint8Array(more) }, 'range');
      },
    ),
    check('refuses what lies beyond the end, in part or in whole, and changes nothing', async (session) => {
      const { sectors, sectorBytes } = session;
      const tail = session.look(sectors - 4, 4);
      const beyond = [[sectors, 1], [sectors - 1, 2], [sectors - 3, 4], [sectors + 7, 1], [2 ** 28, 1], [2 ** 32, 1], [2 ** 48, 1], [2 ** 52, 1], [2 ** 53 - 1, 1]] as const; // prettier-ignore
      for (const [sector, count] of beyond) {
        if (sector + count <= sectors) continue;
        await session.expectError({ kind: 'read', sector, count }, 'range');
        await session.expectError(
          { kind: 'write', sector, bytes: new Uint8Array(count * sectorBytes).fill(7) },
          'range',
        );
      }
      assert.deepEqual(session.look(sectors - 4, 4), tail);
      await session.expectRead(sectors - 4, 4);
    }),
    check('refuses no sectors and parts of sectors', async (session) => {
      await session.expectError({ kind: 'read', sector: 0, count: 0 }, 'range');
      for (const length of [0, 1, session.sectorBytes - 1, session.sectorBytes + 1])
        await session.expectError({ kind: 'write', sector: 0, bytes: new Uint8Array(length) }, 'range');
      await session.expectRead(0, 1);
    }),
    check(`answers ${LONG_RUN} requests with interleaved tags once each, with the right contents`, async (session) => {
      const expected = new Map<number, Uint8Array>();
      const size = (index: number): number => 1 + ((index * 7) % 8);
      for (let first = 0; first < LONG_RUN; first += REQUESTS_MAX) {
        const window = Array.from({ length: Math.min(REQUESTS_MAX, LONG_RUN - first) }, (_, index) => first + index);
        for (const index of window)
          if (index % 3 !== 0) session.lay(8 * index, pattern(size(index) * session.sectorBytes, index));
        for (const index of window) {
          const tag = tagOf(index);
          const bytes = pattern(size(index) * session.sectorBytes, index);
          if (index % 3 === 0) session.block.send({ kind: 'write', tag, sector: 8 * index, bytes });
          else session.block.send({ kind: 'read', tag, sector: 8 * index, count: size(index) });
          expected.set(tag, bytes);
        }
        await session.waitUntil('the window is answered', () => window.every((index) => session.answer(tagOf(index))));
      }
      for (let index = 0; index < LONG_RUN; index += 1) {
        const answers = session.block.messages.filter(({ tag }) => tag === tagOf(index));
        assert.equal(answers.length, 1, `answers to tag ${tagOf(index)}`);
        const bytes = expected.get(tagOf(index));
        if (index % 3 === 0) {
          assert.equal(answers[0]?.kind, 'written');
          assert.deepEqual(session.look(8 * index, size(index)), bytes);
        } else {
          assert.deepEqual(answers[0], { kind: 'data', tag: tagOf(index), bytes });
        }
      }
    }),
    check('answers every request once when flooded, and refuses none of the first sixteen', async (session) => {
      for (let tag = 0; tag < FLOOD; tag += 1) session.block.send({ kind: 'read', tag, sector: tag, count: 1 });
      await session.waitUntil('all are answered', () => session.block.messages.length >= 1 + FLOOD);
      const answers = session.block.messages.slice(1);
      assert.equal(new Set(answers.map(({ tag }) => tag)).size, FLOOD);
      for (const { kind, tag, what } of answers) {
        if (kind !== 'data') assert.deepEqual([kind, what, Number(tag) >= REQUESTS_MAX], ['error', 'busy', true]);
      }
      await session.expectRead(5, 1);
    }),
    check('keeps what was written before a flush', async (session) => {
      const bytes = pattern(20 * session.sectorBytes, 9);
      await session.write(40, bytes);
      assert.equal((await session.ask({ kind: 'flush' })).kind, 'flushed');
      assert.deepEqual(session.look(40, 20), bytes);
    }),
    check('reads back what it wrote, over and over in the same place', async (session) => {
      for (let round = 0; round < 20; round += 1) {
        const bytes = pattern(4 * session.sectorBytes, round);
        await session.write(round % 3, bytes);
        const answer = await session.ask({ kind: 'read', sector: round % 3, count: 4 });
        assert.deepEqual(answer['bytes'], bytes);
      }
    }),
    check('ignores what is no request, and goes on', async (session) => {
      const bytes = new Uint8Array(session.sectorBytes);
      const whole = { kind: 'read', tag: 1, sector: 0, count: 1 };
      const wrong = [undefined, null, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '0', 0n, {}];
      for (const value of wrong) {
        for (const field of ['tag', 'sector', 'count']) session.block.send({ ...whole, [field]: value });
        session.block.send({ kind: 'write', tag: 1, sector: value, bytes });
        session.block.send({ kind: 'write', tag: 1, sector: 0, bytes: value });
        session.block.send({ kind: 'flush', tag: value });
      }
      session.block.send({ kind: 'no such message', tag: 1 });
      session.block.send({ kind: 'data', tag: 1, bytes });
      await session.expectRead(0, 2);
      assert.equal(session.block.messages.length, 2, 'nothing but `up` and that answer');
    }),
    check('answers what is under way when it is reset, and works again', async (session) => {
      for (let tag = 0; tag < 8; tag += 1) session.block.send({ kind: 'read', tag, sector: 16 * tag, count: 16 });
      session.block.send({ kind: 'reset' });
      await session.waitUntil('the driver says `up` again', () => session.count('up') === 2);
      await session.waitUntil('all are answered', () => session.block.messages.length >= 2 + 8);
      for (let tag = 0; tag < 8; tag += 1) {
        const answers = session.block.messages.filter((message) => message['tag'] === tag);
        assert.equal(answers.length, 1, `answers to tag ${tag}`);
        assert.ok(answers[0]?.kind === 'data' || answers[0]?.['what'] === 'reset', JSON.stringify(answers[0]));
      }
      const bytes = pattern(30 * session.sectorBytes, 3);
      await session.write(session.sectors - 30, bytes);
      assert.deepEqual(session.look(session.sectors - 30, 30), bytes);
      await session.expectRead(session.sectors - 31, 31);
    }),
  ];
}

/** One running driver, and what a check does with it. Its own tags are above those that checks use themselves. */
class Session {
  readonly block: BlockUnderTest;
  readonly sectorBytes: number;
  readonly sectors: number;
  #tag = 0x8000_0000;

  constructor(block: BlockUnderTest) {
    this.block = block;
    this.sectorBytes = block.sectorBytes;
    this.sectors = block.disk.sizeBytes / block.sectorBytes;
  }

  count(kind: string): number {
    return this.block.messages.filter((message) => message.kind === kind).length;
  }

  answer(tag: number): DriverMessage | undefined {
    return this.block.messages.find((message) => message['tag'] === tag);
  }

  /** What lies on the medium. */
  look(sector: number, count: number): Uint8Array {
    return plain(this.block.disk.read(sector * this.sectorBytes, count * this.sectorBytes));
  }

  /** Puts it there, past the device. */
  lay(sector: number, bytes: Uint8Array): void {
    this.block.disk.write(sector * this.sectorBytes, bytes);
  }

  async waitUntil(what: string, holds: () => unknown): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (holds() === undefined || holds() === false) {
      const seen = this.block.messages
        .slice(-4)
        .map(({ kind, tag, what: why }) => `${kind} ${String(tag)} ${String(why)}`);
      assert.ok(
        performance.now() < deadline,
        `waited ${PATIENCE_MS} ms until ${what}; last messages: ${seen.join(', ')}`,
      );
      this.block.idle?.();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Sends a request and waits for its answer. */
  async ask(request: DriverMessage): Promise<DriverMessage> {
    this.#tag += 1;
    const tag = this.#tag;
    this.block.send({ ...request, tag });
    await this.waitUntil(`${request.kind} is answered`, () => this.answer(tag));
    return this.answer(tag) ?? request;
  }

  async write(sector: number, bytes: Uint8Array): Promise<void> {
    const answer = await this.ask({ kind: 'write', sector, bytes });
    assert.equal(answer.kind, 'written', `write of ${bytes.length} bytes at ${sector}: ${String(answer['what'])}`);
  }

  /** Reads through the driver and compares with the medium. */
  async expectRead(sector: number, count: number): Promise<void> {
    const answer = await this.ask({ kind: 'read', sector, count });
    const found = answer['bytes'];
    assert.ok(found instanceof Uint8Array, `read of ${count} at ${sector}: ${answer.kind} ${String(answer['what'])}`);
    assert.deepEqual(plain(found), this.look(sector, count), `read of ${count} at ${sector}`);
  }

  async expectError(request: DriverMessage, what: string): Promise<void> {
    const { kind, what: why } = await this.ask(request);
    assert.deepEqual([kind, why], ['error', what], JSON.stringify({ ...request, bytes: undefined }));
  }
}

/** Far apart and out of order, up to the largest. */
function tagOf(index: number): number {
  return index === 0 ? 0xffff_ffff : (index * 0x9e37_79b1) % 0x8000_0000;
}

/** Bytes that differ from seed to seed and from sector to sector. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (seed * 31 + index * 7 + (index >> 8) * 13) & 0xff);
}

/** Not a Buffer, so that comparisons see the bytes only. */
function plain(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
