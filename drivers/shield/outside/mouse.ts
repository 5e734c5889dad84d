/**
 * The far side of a USB mouse: a hand that moves it when the guest looks, and compares what arrived with what it did.
 *
 * Linux reports movements in as many pieces as it likes, and they may be added up on the way; their sum is the hand's. Each
 * change of a button is reported once, in order.
 */
import type { Outside } from './outside.ts';

/** Right, down, and towards the user, in counts; more than a report of one byte holds. */
const MOVES: readonly (readonly [x: number, y: number, wheel: number])[] = [
  [3, -5, 0],
  [100, 60, 1],
  [100, -60, 2],
  [-190, 77, -1],
];
const BUTTONS = ['left', 'middle', 'right'] as const;

/** Of Linux's input events (`input-event-codes.h`). */
const EV_KEY = 1;
const EV_REL = 2;
const REL_X = 0;
const REL_Y = 1;
/** Away from the user. */
const REL_WHEEL = 8;
const KEYS = { left: 0x110, right: 0x111, middle: 0x112 } as const;

/** What the guest says when it has opened the mouse, once for each time that the hand is to move. */
export const READY_FACT = 'mouse';
/** `TYPE CODE VALUE` of each input event. */
export const EVENT_FACT = 'input';
/** The guest reads until this key is up again: the last thing that the hand does. */
export const LAST_KEY = KEYS[BUTTONS[BUTTONS.length - 1] ?? 'right'];

export function mouse(): Outside {
  return {
    arguments: [],
    properties: [],
    plugs: ['hand'],
    hear: (name, { hand }) => {
      if (name !== READY_FACT || hand === undefined) return;
      for (const move of MOVES) hand.move(...move);
      for (const button of BUTTONS) {
        hand.press(button, true);
        hand.press(button, false);
      }
    },
    judge: (facts) => {
      const times = (facts.get(READY_FACT) ?? []).length;
      const events = (facts.get(EVENT_FACT) ?? []).map((text) => text.split(' ').map(Number));
      const sum = (axis: number): number =>
        events.reduce((all, [type, code, value = 0]) => all + (type === EV_REL && code === axis ? value : 0), 0);
      const [x, y, wheel] = [0, 1, 2].map((axis) => times * MOVES.reduce((all, move) => all + (move[axis] ?? 0), 0));
      const moved = `${sum(REL_X)}, ${sum(REL_Y)}, ${0 - sum(REL_WHEEL)}`;
      const keys = events.filter(([type]) => type === EV_KEY).map(([, code, value]) => `${code}=${value}`);
      const pressed = BUTTONS.flatMap((button) => [`${KEYS[button]}=1`, `${KEYS[button]}=0`]);
      const expected = Array.from({ length: times }, () => pressed).flat();
      const wrong = [
        ...(times > 0 ? [] : ['the guest never listened to the mouse']),
        ...(moved === `${x}, ${y}, ${wheel}` ? [] : [`the mouse moved by ${moved}, the hand by ${x}, ${y}, ${wheel}`]),
        ...(keys.join() === expected.join() ? [] : [`the buttons did ${keys.join()}, the hand ${expected.join()}`]),
      ];
      return {
        wrong,
        summary: `a mouse moved ${times * MOVES.length} times, and ${keys.length} changes of its buttons`,
      };
    },
  };
}
