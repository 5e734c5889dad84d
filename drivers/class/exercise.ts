/**
 * An exercise: a short piece of a class's work that a campaign repeats many thousands of times, in virtual time.
 *
 * Unlike a conformance suite it asks only whether the device can be used at all: it is given to a fresh driver after every
 * attack, and to the driver that is being perturbed, which may well fail it.
 */
import type { DriverMessage, FarEnds } from '../../kernel/index.ts';

/** A driver and the far side of its device, while time passes. */
export interface Bench {
  readonly ends: FarEnds;
  /** Every message from the driver so far. */
  readonly messages: readonly DriverMessage[];
  /** A message to the driver. */
  send(message: DriverMessage): void;
}

/** Called over and over as time passes; `done` once everything was done and its results were right. */
export type Step = () => 'going' | 'done';

/** Begins on a driver that was just started. Keeps no state of its own between calls of it. */
export type Exercise = (bench: Bench) => Step;

/** Several exercises on one driver, each begun when the one before is done. */
export function inTurn(...exercises: readonly Exercise[]): Exercise {
  return (bench) => {
    let index = 0;
    let step = exercises[0]?.(bench);
    return () => {
      while (step !== undefined) {
        if (step() === 'going') return 'going';
        index += 1;
        step = exercises[index]?.(bench);
      }
      return 'done';
    };
  };
}
