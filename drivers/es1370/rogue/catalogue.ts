/** Every rogue driver of the ES1370, in one table: what it is, and what must become of it. */
import { catalogue, NOTHING_WRONG } from '../../rogue/rogue-driver.ts';

const DMA = 'DMA outside the grants';
const PLAYED = /^the buffer of DAC2 is outside the memory granted/;
const RECORDED = /^the buffer of the ADC is outside the memory granted/;

export const ES1370_ROGUES = catalogue('drivers/es1370/rogue', [
  ['plays-outside-grant', DMA, 'refused', 'plays memory that is not its own', PLAYED],
  ['records-outside-grant', DMA, 'refused', 'records into memory that is not its own', RECORDED],
  ['one-word-past-grant', DMA, 'refused', 'plays a buffer that ends four bytes past its memory', PLAYED],
  ['exactly-at-grant-end', 'none', 'allowed', 'benign: plays up to the very end of its memory', NOTHING_WRONG],
  ['plays-from-write-only-grant', DMA, 'refused', 'plays memory granted for recording only', PLAYED],
  ['records-over-own-sound', DMA, 'refused', 'records into memory granted for playing only', RECORDED],
  [
    'buffer-moved-while-playing',
    'check/use race',
    'refused',
    'moves its buffer after it was checked',
    /^the buffer of DAC2 cannot move while it plays/,
  ],
  [
    'buffer-grown-while-playing',
    'wrong order',
    'refused',
    'makes its buffer longer while it plays',
    /^the buffer of DAC2 cannot change its size while it plays/,
  ],
  [
    'runs-before-programming',
    'wrong order',
    'refused',
    'switches on a channel that has no buffer',
    /^program the buffer of DAC1 before switching it on/,
  ],
  [
    'begins-behind-end',
    'device-specific misuse',
    'refused',
    'begins behind the end of its buffer',
    /^a buffer begins behind its end/,
  ],
  [
    'smaller-frames-at-grant-end',
    'device-specific misuse',
    'refused',
    'changes to frames that end outside of its memory',
    PLAYED,
  ],
  [
    'page-outside-memory',
    'out-of-range value',
    'refused',
    'selects a page that there is not',
    /^reserved bits of `MEM_PAGE` must be written as 0/,
  ],
  [
    'unlisted-register',
    'outside the register file',
    'refused',
    'writes where only later controllers have a register',
    /^region `io` has no register there/,
  ],
  [
    'wrong-width',
    'wrong width',
    'refused',
    'writes half of an address',
    /^`ADDRESS_B` takes whole accesses of 32 bits/,
  ],
  ['moves-a-bar', 'moving the window', 'refused', 'reprograms BAR 0', /^only the platform may change `pci_BARS`/],
  [
    'hides-behind-command',
    'moving the window',
    'refused',
    'switches its ports off before it attacks',
    /^the buffer of DAC2 cannot move while it plays/,
  ],
  [
    'interrupt-never-acknowledged',
    'starvation',
    'refused',
    'never acknowledges an interrupt',
    /^the interrupt's cause was not read from `STATUS` in time/,
  ],
  [
    'catches-the-refusal-and-continues',
    'persistence',
    'refused',
    'catches refusals and tries the next attack',
    /^reserved bits of `MEM_PAGE` must be written as 0/,
  ],
]);
