/** The input class's exercise: the hand moves and presses, and all of it must be told, added up. */
import type { MouseButton } from '../../kernel/abi.ts';
import type { Exercise } from './exercise.ts';

/** Small steps and such as one report cannot hold. */
const MOVES = [[3, -2, 0], [-1, 1, 1], [300, -500, 0], [0, 0, -2], [7, 0, 0]] as const; // prettier-ignore
const PRESSES: readonly (readonly [MouseButton, boolean])[] = [
  ['left', true],
  ['right', true],
  ['left', false],
  ['middle', true],
  ['middle', false],
  ['right', false],
];

/** What was told of movements, added up, and of buttons, in order. */
interface Told {
  readonly sums: readonly number[];
  readonly presses: readonly string[];
}

const wanted: Told = {
  sums: [0, 1, 2].map((axis) => MOVES.reduce((sum, move) => sum + (move[axis] ?? 0), 0)),
  presses: PRESSES.map(([button, down]) => `${button} ${down}`),
};

export const INPUT_EVENTS = MOVES.length + PRESSES.length;

export const inputExercise: Exercise = ({ ends, messages }) => {
  let begun = false;
  let from = 0;
  function told(): Told {
    const own = messages.slice(from);
    const motions = own.filter(({ kind }) => kind === 'motion');
    const sum = (axis: string): number => motions.reduce((total, each) => total + Number(each[axis]), 0);
    const presses = own.filter(({ kind }) => kind === 'button');
    return {
      sums: ['dx', 'dy', 'wheel'].map(sum),
      presses: presses.map(({ button, down }) => `${String(button)} ${String(down)}`),
    };
  }
  return () => {
    if (!begun) {
      // Both classes say `up`; a disk's has a size.
      if (!messages.some((message) => message.kind === 'up' && message['sectors'] === undefined)) return 'going';
      begun = true;
      from = messages.length;
      for (const [dx, dy, wheel] of MOVES) ends.hand?.move(dx, dy, wheel);
      for (const [button, down] of PRESSES) ends.hand?.press(button, down);
    }
    return JSON.stringify(told()) === JSON.stringify(wanted) ? 'done' : 'going';
  };
};
