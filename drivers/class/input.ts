/**
 * The input class: what every driver of a mouse tells, whatever its bus.
 *
 * Nothing is asked of such a driver but to come back from scratch. Movements are in counts since the last message, positive
 * to the right, down, and towards the user; they are never lost by adding up: the sum of all messages is the sum of what
 * the hand did. A button is told once for each change. `input-conformance.ts` checks a driver against this page.
 */
import type { DriverMessage, MouseButton } from '../../kernel/abi.ts';

/** To the driver: bring the device back from scratch; then comes `up`. */
export interface ResetMessage extends DriverMessage {
  readonly kind: 'reset';
}

/** From the driver: the mouse is heard from now on. */
export interface UpMessage extends DriverMessage {
  readonly kind: 'up';
}

/** From the driver: the mouse moved, or its wheel turned. Never all zeroes. */
export interface MotionMessage extends DriverMessage {
  readonly kind: 'motion';
  readonly dx: number;
  readonly dy: number;
  readonly wheel: number;
}

export interface ButtonMessage extends DriverMessage {
  readonly kind: 'button';
  readonly button: MouseButton;
  readonly down: boolean;
}

export type FromInputDriver = UpMessage | MotionMessage | ButtonMessage;

/** In the order of the bits of a boot protocol report. */
export const MOUSE_BUTTONS: readonly MouseButton[] = ['left', 'right', 'middle'];

/** The messages that a boot protocol report makes (HID 1.11, B.2). @param buttons those that were down before, as bits */
export function reportMessages(report: Uint8Array, buttons: number): readonly (MotionMessage | ButtonMessage)[] {
  const signed = (at: number): number => ((report[at] ?? 0) << 24) >> 24;
  const changed = (report[0] ?? 0) ^ buttons;
  const presses = MOUSE_BUTTONS.flatMap((button, bit): ButtonMessage[] =>
    (changed >> bit) & 1 ? [{ kind: 'button', button, down: (((report[0] ?? 0) >> bit) & 1) === 1 }] : [],
  );
  // A report counts the wheel away from the user (HID usage tables, 4.2).
  const motion: MotionMessage = { kind: 'motion', dx: signed(1), dy: signed(2), wheel: 0 - signed(3) };
  const moved = motion.dx !== 0 || motion.dy !== 0 || motion.wheel !== 0;
  return moved ? [motion, ...presses] : presses;
}
