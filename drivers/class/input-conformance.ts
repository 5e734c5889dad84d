/**
 * The conformance suite of the input class: every driver of a mouse passes it, on every device it runs on.
 *
 * A check starts the driver afresh, moves the mouse by hand, and looks at what the driver tells. Checks wait for what should
 * come, up to a deadline; a failed check throws with what was seen.
 */
import assert from 'node:assert/strict';
import type { DriverMessage, Hand, MouseButton } from '../../kernel/abi.ts';
import type { ConformanceCheck } from './block-conformance.ts';

/** A running driver, and the hand on its mouse. */
export interface InputUnderTest {
  readonly hand: Hand;
  send(message: DriverMessage): void;
  /** Every message of the class from the driver so far, in order; grows. */
  readonly messages: readonly DriverMessage[];
  /** Where time is virtual: lets some pass. Called while a check waits. */
  idle?(): void;
  close(): Promise<void>;
}

const PATIENCE_MS = 20_000;
const BUTTONS: readonly MouseButton[] = ['left', 'right', 'middle'];

/** @param start starts a fresh driver on a fresh mouse; the suite closes it */
export function inputConformance(start: () => Promise<InputUnderTest>): readonly ConformanceCheck[] {
  function check(name: string, body: (session: Session) => Promise<void>): ConformanceCheck {
    return {
      name,
      async run() {
        const input = await start();
        try {
          const session = new Session(input);
          await session.waitUntil('the driver says `up`', () => session.of('up').length === 1);
          await body(session);
        } finally {
          await input.close();
        }
      },
    };
  }
  return [
    check('comes up and then says nothing by itself', async (session) => {
      session.input.hand.move(1, 0);
      await session.waitUntil('a movement is told', () => session.of('motion').length === 1);
      assert.deepEqual(session.input.messages, [{ kind: 'up' }, { kind: 'motion', dx: 1, dy: 0, wheel: 0 }]);
    }),
    check('tells movements in every direction, and the wheel', async (session) => {
      for (const [dx, dy, wheel] of [
        [1, 0, 0],
        [-1, 0, 0],
        [0, 1, 0],
        [0, -1, 0],
        [0, 0, 1],
        [0, 0, -1],
        [127, -127, 0],
        [-127, 127, 0],
      ] as const) {
        session.input.hand.move(dx, dy, wheel);
        await session.waitSum(dx, dy, wheel);
      }
    }),
    check('loses nothing of movements that are larger than a report, or faster than the bus', async (session) => {
      session.input.hand.move(1000, -2000);
      await session.waitSum(1000, -2000, 0);
      for (let index = 0; index < 200; index += 1) session.input.hand.move(1 + (index % 3), -(index % 2));
      await session.waitSum(399, -100, 0);
    }),
    check('tells each press and each release of each button once, in order', async (session) => {
      const told: string[] = [];
      for (const button of [...BUTTONS, ...BUTTONS]) {
        for (const down of [true, false]) {
          session.input.hand.press(button, down);
          told.push(`${button} ${down}`);
          await session.waitUntil(`${button} ${down} is told`, () => session.presses().length >= told.length);
          assert.deepEqual(session.presses(), told);
        }
      }
    }),
    check('tells buttons that are held together, and movements while they are', async (session) => {
      for (const button of BUTTONS) session.input.hand.press(button, true);
      session.input.hand.move(5, 6);
      for (const button of BUTTONS) session.input.hand.press(button, false);
      await session.waitUntil('all is told', () => session.presses().length === 6);
      await session.waitSum(5, 6, 0);
      assert.deepEqual(session.presses(), [
        ...BUTTONS.map((each) => `${each} true`),
        ...BUTTONS.map((each) => `${each} false`),
      ]);
    }),
    check('ignores what is no message of the class', async (session) => {
      for (const kind of ['motion', 'no such message', '']) session.input.send({ kind, dx: 1, dy: 1, wheel: 1 });
      session.input.hand.move(2, 3);
      await session.waitSum(2, 3, 0);
    }),
    check('comes back from a reset', async (session) => {
      session.input.hand.move(2, 3);
      await session.waitSum(2, 3, 0);
      session.input.send({ kind: 'reset' });
      await session.waitUntil('the driver says `up` again', () => session.of('up').length === 2);
      session.input.hand.press('left', true);
      session.input.hand.move(4, 5);
      await session.waitSum(4, 5, 0);
      // Of one report it is told after the movement.
      await session.waitUntil('the press is told', () => session.presses().length > 0);
      assert.deepEqual(session.presses(), ['left true']);
    }),
  ];
}

class Session {
  readonly input: InputUnderTest;
  /** Movements that have been waited for. */
  readonly #sum = [0, 0, 0];

  constructor(input: InputUnderTest) {
    this.input = input;
  }

  of(kind: string): readonly DriverMessage[] {
    return this.input.messages.filter((message) => message.kind === kind);
  }

  presses(): readonly string[] {
    return this.of('button').map(({ button, down }) => `${String(button)} ${String(down)}`);
  }

  /** Waits until what was told since the last call adds up to this; never told more. */
  async waitSum(dx: number, dy: number, wheel: number): Promise<void> {
    [dx, dy, wheel].forEach((counts, axis) => (this.#sum[axis] = (this.#sum[axis] ?? 0) + counts));
    const told = (): readonly number[] =>
      ['dx', 'dy', 'wheel'].map((axis) => this.of('motion').reduce((sum, each) => sum + Number(each[axis]), 0));
    await this.waitUntil(`movements add up to ${this.#sum.join(', ')}`, () => told().join() === this.#sum.join());
  }

  async waitUntil(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!holds()) {
      const seen = JSON.stringify(this.input.messages.slice(-6));
      assert.ok(performance.now() < deadline, `waited ${PATIENCE_MS} ms until ${what}; last messages: ${seen}`);
      this.input.idle?.();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
