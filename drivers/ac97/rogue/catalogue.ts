/** Every rogue driver of the AC'97 controller, in one table: what it is, and what must become of it. */
import { catalogue, NOTHING_WRONG } from '../../rogue/rogue-driver.ts';

const DMA = 'DMA outside the grants';
const BUFFER = /^a buffer is outside the memory granted/;
const LIST = /^the list of buffers is outside the memory granted for commands/;
const MISUSE = 'device-specific misuse';
const INDEX = /^reserved bits of `bm.LVI` must be written as 0/;
const MOVED = /^the list cannot move while the engine runs/;

export const AC97_ROGUES = catalogue('drivers/ac97/rogue', [
  ['plays-outside-grant', DMA, 'refused', 'plays memory that is not its own', BUFFER],
  ['records-outside-grant', DMA, 'refused', 'records into memory that is not its own', BUFFER],
  ['list-outside-grant', DMA, 'refused', 'keeps its list of buffers in foreign memory', LIST],
  ['list-longer-than-grant', DMA, 'refused', 'has half of its list in foreign memory', LIST],
  ['one-sample-past-grant', DMA, 'refused', 'plays a buffer that ends one sample past its memory', BUFFER],
  ['exactly-at-grant-end', 'none', 'allowed', 'benign: plays up to the very end of its memory', NOTHING_WRONG],
  ['plays-from-write-only-grant', DMA, 'refused', 'plays memory granted for recording only', BUFFER],
  ['records-into-read-only-grant', DMA, 'refused', 'records into memory granted for playing only', BUFFER],
  ['records-over-own-list', DMA, 'refused', 'lets the microphone write its own list', BUFFER],
  [
    'entry-changed-after-publication',
    'check/use race',
    'refused',
    'changes an entry after publishing it',
    /^an entry of `entries` belongs to the device/,
  ],
  [
    'entry-changed-in-full-list',
    'check/use race',
    'refused',
    'changes an entry of a list that is all published',
    /^the list of PCM out belongs to the device/,
  ],
  ['publishes-unchecked-entry', DMA, 'refused', 'publishes a foreign buffer with the last valid index', BUFFER],
  ['another-round', MISUSE, 'refused', 'writes the same index again, for another round', BUFFER],
  ['starts-twice', MISUSE, 'refused', 'starts an engine that runs', BUFFER],
  ['resumes-elsewhere', MISUSE, 'refused', 'changes the list in a pause', BUFFER],
  ['list-moved-while-running', 'wrong order', 'refused', 'moves the list while the engine runs', MOVED],
  [
    'runs-before-programming',
    'wrong order',
    'refused',
    'starts an engine that has no list',
    /^program the list of buffers before starting/,
  ],
  ['reset-while-running', 'wrong order', 'refused', 'resets an engine that runs', /^pause the engine before its reset/],
  [
    'link-reset-while-running',
    'wrong order',
    'refused',
    'resets the link under a running engine',
    /^stop every engine before the link is reset/,
  ],
  ['index-outside-list', 'out-of-range value', 'refused', 'publishes up to an entry that no list has', INDEX],
  [
    'reserved-bits',
    'out-of-range value',
    'refused',
    'sets reserved bits of GLOB_CNT',
    /^reserved bits of `GLOB_CNT` must be written as 0/,
  ],
  [
    'unlisted-register',
    'outside the register file',
    'refused',
    'writes where only later controllers have a register',
    /^region `nabm` has no register there/,
  ],
  ['wrong-width', 'wrong width', 'refused', 'writes 32 bits over an index', /^`SR` takes whole accesses of 8, 16 bits/],
  ['moves-a-bar', 'moving the window', 'refused', 'reprograms BAR 1', /^only the platform may change `pci_BARS`/],
  ['hides-behind-command', 'moving the window', 'refused', 'switches its ports off before it attacks', MOVED],
  [
    'interrupt-never-acknowledged',
    'starvation',
    'refused',
    'never acknowledges an interrupt',
    /^the interrupt's cause was not read from `GLOB_STA` in time/,
  ],
  // QEMU's audio moves in steps of 10 ms, so its interrupts come no faster.
  [
    'interrupt-storm',
    'starvation',
    'refused',
    'asks for an interrupt with every sample',
    /^more than 4000 interrupts a second/,
    'model',
  ],
  ['catches-the-refusal-and-continues', 'persistence', 'refused', 'catches refusals and tries the next attack', INDEX],
]);
