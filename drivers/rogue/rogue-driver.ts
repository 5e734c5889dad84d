/** What a rogue driver is, to the tables that list them: its program, its threat, and what must become of it. Types, and one maker of rows. */

/**
 * What must happen.
 *  - `refused`: a rule of the specification (or a bound of the RVM) denies an operation, and the driver is stopped
 *  - `allowed`: nothing; the program is benign
 *  - `stopped`: the kernel's limits end it; no operation on the device is wrong
 *  - `contained`: it finishes and reports, by `{kind: 'escape', reached}`, that it reached nothing
 */
export type Expectation = 'refused' | 'allowed' | 'stopped' | 'contained';

/** The classes of the threat model. */
export type ThreatClass =
  | 'DMA outside the grants'
  | 'check/use race'
  | 'wrong order'
  | 'out-of-range value'
  | 'outside the register file'
  | 'wrong width'
  | 'moving the window'
  | 'device-specific misuse'
  | 'starvation'
  | 'exhaustion'
  | 'escape'
  | 'persistence'
  | 'none';

export interface RogueDriver {
  /** File name without `.rogue.ts`. */
  readonly name: string;
  /** The compiled program, from the checkout's root. */
  readonly program: string;
  readonly title: string;
  readonly expects: Expectation;
  readonly threat: ThreatClass;
  /** The reason it must be refused for. Another one would mean that its attack was never tried. */
  readonly because: RegExp;
  /** Where it can be tried at all; everywhere if undefined. */
  readonly only?: 'model' | 'qemu';
}

/** The row of a table: who it is, what it threatens, what must become of it and why, in words. */
export type RogueRow = readonly [
  name: string,
  threat: ThreatClass,
  expects: Expectation,
  title: string,
  because: RegExp,
  only?: 'model' | 'qemu',
];

/** Benign programs are allowed, for this reason. */
export const NOTHING_WRONG = /^nothing is wrong with it/;

/** @param folder of the programs, from the checkout's root: `drivers/e1000/rogue` */
export function catalogue(folder: string, rows: readonly RogueRow[]): readonly RogueDriver[] {
  return rows.map(([name, threat, expects, title, because, only]) => ({
    name,
    program: `dist/${folder}/${name}.rogue.program.js`,
    title,
    expects,
    threat,
    because,
    ...(only === undefined ? {} : { only }),
  }));
}
