import assert from 'node:assert/strict';
import { readSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { closeOwnEnds, closeQemuEnds, openFifoPair, type FifoPair } from './fifo.ts';
import { createHoldWords, takeHold } from './hold.ts';
import { requireTool } from './programs.ts';
import { createSession, type Session } from './session.ts';

const DEADLINE_MS = 1000;

interface Conversation {
  readonly session: Session;
  readonly fifos: FifoPair;
  /** Interrupt edges that the session noted, in order. */
  readonly edges: string[];
}

/** A session in step with us, at QEMU's end of the real FIFOs: only so the grouping of lines in reads can be chosen. */
async function converse(run: (conversation: Conversation) => void): Promise<void> {
  const fifos = await openFifoPair(requireTool('mkfifo'));
  try {
    const edges: string[] = [];
    const session = createSession({
      commandFd: fifos.commandFd,
      answerFd: fifos.pollingFd,
      deadlineMs: DEADLINE_MS,
      hold: takeHold(createHoldWords()),
      onIrq: (line, level) => edges.push(`${line}:${level}`),
    });
    session.beginResync();
    const command = Buffer.alloc(256);
    const mark = command.toString('latin1', 0, readSync(fifos.qemuInputFd, command)).trim();
    writeSync(fifos.qemuOutputFd, `FAIL Unknown command '${mark}'\n`);
    assert.ok(session.isInStep());
    run({ session, fifos, edges });
  } finally {
    closeQemuEnds(fifos);
    closeOwnEnds(fifos);
  }
}

void test('hears an interrupt that came in the same read as an answer, before the access returns', () =>
  converse(({ session, fifos, edges }) => {
    writeSync(fifos.qemuOutputFd, 'IRQ lower 11\nOK 0x5\nIRQ raise 11\n');
    assert.equal(session.exchange('readl 0\n', 1), 5);
    assert.deepEqual(edges, ['11:0', '11:1']);
  }));

void test('hears an interrupt line that was cut in two by the end of a read', () =>
  converse(({ session, fifos, edges }) => {
    writeSync(fifos.qemuOutputFd, 'OK 0x5\nIRQ rai');
    assert.equal(session.exchange('readl 0\n', 1), 5);
    assert.deepEqual(edges, []);
    session.heard(Buffer.from('se 11\n'));
    assert.deepEqual(edges, ['11:1']);
  }));

void test('refuses to go on when an answer is followed by another that nobody asked for', () =>
  converse(({ session, fifos }) => {
    writeSync(fifos.qemuOutputFd, 'OK 0x5\nOK 0x6\n');
    assert.equal(session.exchange('readl 0\n', 1), 5);
    assert.throws(() => session.exchange('readl 0\n', 1), { code: 'QEMU_PROTOCOL' });
  }));

void test('a thread that gets no processor for longer than its deadline has not waited so long', (t) =>
  converse(({ session, fifos }) => {
    let ms = 0;
    let looks = 0;
    t.mock.method(performance, 'now', () => {
      looks += 1;
      ms += looks === 5 ? 5 * DEADLINE_MS : 0.01;
      if (looks === 5) writeSync(fifos.qemuOutputFd, 'OK 0x5\n');
      return ms;
    });
    assert.equal(session.exchange('readl 0\n', 1), 5);
    assert.ok(looks >= 5);
  }));

void test('the deadline comes when the thread has looked for so long', (t) =>
  converse(({ session }) => {
    let ms = 0;
    t.mock.method(performance, 'now', () => (ms += 5));
    assert.throws(() => session.exchange('readl 0\n', 1), { code: 'DEVICE_TIMEOUT' });
    assert.ok(ms >= DEADLINE_MS && ms < 1.1 * DEADLINE_MS, `${ms} ms`);
  }));
