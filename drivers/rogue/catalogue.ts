/**
 * Every rogue driver, in one table: what it is, and what must become of it. A test keeps the table and the folder in step.
 */

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
  /** Where it can be tried at all; everywhere if undefined. */
  readonly only?: 'model';
}

function entry(name: string, threat: ThreatClass, expects: Expectation, title: string): RogueDriver {
  return { name, program: `dist/drivers/rogue/${name}.rogue.program.js`, title, expects, threat };
}

const DMA = 'DMA outside the grants';

export const ROGUE_DRIVERS: readonly RogueDriver[] = [
  entry('transmit-dma-outside-grant', DMA, 'refused', 'sends memory that is not its own'),
  entry('receive-dma-outside-grant', DMA, 'refused', 'receives into memory that is not its own'),
  entry('transmit-ring-base-outside-grant', DMA, 'refused', 'keeps its transmit ring in foreign memory'),
  entry('receive-ring-base-outside-grant', DMA, 'refused', 'keeps its receive ring in foreign memory'),
  entry('ring-longer-than-grant', DMA, 'refused', 'says that its transmit ring is longer than its memory'),
  entry('transmit-from-write-only-grant', DMA, 'refused', 'sends from memory granted for receiving only'),
  entry('one-byte-past-grant', DMA, 'refused', 'sends a frame that ends one byte past its memory'),
  entry('exactly-at-grant-end', 'none', 'allowed', 'benign: sends a frame that ends exactly at the end of its memory'),
  entry('rx-buffer-over-own-ring', DMA, 'refused', 'lets received frames overwrite its own descriptors'),
  entry('descriptor-changed-after-doorbell', 'check/use race', 'refused', 'changes a descriptor after publishing it'),
  entry('ring-moved-while-running', 'wrong order', 'refused', 'moves the ring while the engine runs'),
  entry('enable-before-programming', 'wrong order', 'refused', 'switches the engines on before it programs the rings'),
  entry('tail-past-the-ring', 'out-of-range value', 'refused', 'writes a tail outside the ring'),
  entry('reserved-bits', 'out-of-range value', 'refused', 'sets reserved bits of RCTL'),
  entry('unlisted-register', 'outside the register file', 'refused', 'writes the packet buffer, which no driver needs'),
  entry('wrong-width', 'wrong width', 'refused', 'writes one byte of a 32-bit register'),
  entry('moves-a-bar', 'moving the window', 'refused', 'reprograms BAR 0'),
  entry(
    'reset-through-io-window-then-attack',
    'moving the window',
    'refused',
    'resets the card and rings the doorbell through the I/O window',
  ),
  entry('interrupt-never-acknowledged', 'starvation', 'refused', 'raises its interrupt and never acknowledges it'),
  // QEMU's card answers too slowly for a storm that exceeds the rate.
  {
    ...entry('interrupt-storm', 'starvation', 'refused', 'acknowledges every interrupt and raises the next'),
    only: 'model',
  },
  entry('endless-loop', 'starvation', 'stopped', 'never returns from an entry'),
  entry('memory-bomb', 'exhaustion', 'stopped', 'fills the JavaScript heap'),
  entry('buffer-bomb', 'exhaustion', 'stopped', 'fills memory with array buffers'),
  entry('grant-bomb', 'exhaustion', 'refused', 'asks for DMA memory without end'),
  entry('escape-constructor', 'escape', 'contained', 'reaches for the outer global object through constructors'),
  entry('escape-dynamic-import', 'escape', 'contained', 'loads modules by code made at run time'),
  entry('escape-prototype-pollution', 'escape', 'contained', 'changes prototypes that trusted code shares'),
  entry('escape-process', 'escape', 'contained', 'looks for what node leaves lying about'),
  entry('catches-the-refusal-and-continues', 'persistence', 'refused', 'catches refusals and tries the next attack'),
];
