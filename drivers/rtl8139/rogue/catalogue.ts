/** Every rogue driver of the RTL8139C+, in one table: what it is, and what must become of it. */
import { catalogue, NOTHING_WRONG } from '../../rogue/rogue-driver.ts';

const DMA = 'DMA outside the grants';
const TRANSMIT = /^transmit buffer is outside the memory granted/;
const RECEIVE = /^receive buffer is outside the memory granted/;

// prettier-ignore
export const RTL8139_ROGUES = catalogue('drivers/rtl8139/rogue', [
  ['transmit-dma-outside-grant', DMA, 'refused', 'sends memory that is not its own', TRANSMIT],
  ['receive-dma-outside-grant', DMA, 'refused', 'receives into memory that is not its own', RECEIVE],
  ['receive-one-byte-past-grant', DMA, 'refused', 'receives into a buffer that ends one byte past its memory', RECEIVE],
  ['receive-exactly-at-grant-end', 'none', 'allowed', 'benign: receives into a buffer that ends exactly at the end of its memory', NOTHING_WRONG],
  ['transmit-from-write-only-grant', DMA, 'refused', 'sends from memory granted for receiving only', TRANSMIT],
  ['receive-into-own-ring', DMA, 'refused', 'lets received frames overwrite its own descriptors', RECEIVE],
  ['ring-without-end-mark', DMA, 'refused', 'gives its last descriptor away without the end mark', /^the last receive descriptor needs its end mark/],
  ['ring-outside-the-pool', DMA, 'refused', 'keeps its receive ring where no store is looked at', /^the receive ring is outside the memory granted for receive descriptors/],
  ['tally-dump-outside-grant', DMA, 'refused', 'dumps the counters over foreign memory', /^the counters would be dumped outside the memory granted/],
  ['descriptor-changed-while-owned', 'check/use race', 'refused', 'changes a descriptor that it has given to the card', /^a receive descriptor belongs to the card/],
  ['ring-moved-while-running', 'wrong order', 'refused', 'moves the ring while the engine runs', /^the transmit rings cannot move while the engine runs/],
  ['c-mode', 'wrong order', 'refused', 'enables the receiver in C mode', /^reception in C mode is outside this specification/],
  ['reserved-bits', 'out-of-range value', 'refused', 'sets reserved bits of CR', /^reserved bits of `CR` must be written as 0/],
  ['unlisted-register', 'outside the register file', 'refused', 'writes the receive buffer of C mode', /^`RBSTART` is read-only/],
  ['wrong-width', 'wrong width', 'refused', 'writes one byte of a 32-bit register', /^`RCR` takes whole accesses of 32 bits/],
  ['through-the-other-bar', 'moving the window', 'refused', 'rings through the other door to the registers', /^`PORTS` cannot be written/],
  ['moves-a-bar', 'moving the window', 'refused', 'reprograms BAR 1', /^only the platform may change `pci_BARS`/],
  ['interrupt-never-acknowledged', 'starvation', 'refused', 'raises its interrupt and never acknowledges it', /^the interrupt's cause was not read from `ISR` in time/],
]);
