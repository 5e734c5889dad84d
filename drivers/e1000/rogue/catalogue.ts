/** Every rogue driver of the e1000, in one table: what it is, and what must become of it. */
import { catalogue, NOTHING_WRONG } from '../../rogue/rogue-driver.ts';

const DMA = 'DMA outside the grants';
const TRANSMIT_BUFFER = /^transmit buffer is outside the memory granted/;
const RECEIVE_BUFFER = /^receive buffer is outside the memory granted/;
const TRANSMIT_RING = /^the transmit ring is outside the memory granted for commands/;
const RECEIVE_RING = /^the receive ring is outside the memory granted for commands/;
const TAIL = /^tail index is outside the transmit ring/;

export const E1000_ROGUES = catalogue('drivers/e1000/rogue', [
  ['transmit-dma-outside-grant', DMA, 'refused', 'sends memory that is not its own', TRANSMIT_BUFFER],
  ['receive-dma-outside-grant', DMA, 'refused', 'receives into memory that is not its own', RECEIVE_BUFFER],
  ['transmit-ring-base-outside-grant', DMA, 'refused', 'keeps its transmit ring in foreign memory', TRANSMIT_RING],
  ['receive-ring-base-outside-grant', DMA, 'refused', 'keeps its receive ring in foreign memory', RECEIVE_RING],
  ['ring-longer-than-grant', DMA, 'refused', 'says that its transmit ring is longer than its memory', TRANSMIT_RING],
  ['transmit-from-write-only-grant', DMA, 'refused', 'sends from memory granted for receiving only', TRANSMIT_BUFFER],
  ['one-byte-past-grant', DMA, 'refused', 'sends a frame that ends one byte past its memory', TRANSMIT_BUFFER],
  [
    'exactly-at-grant-end',
    'none',
    'allowed',
    'benign: sends a frame that ends exactly at the end of its memory',
    NOTHING_WRONG,
  ],
  ['rx-buffer-over-own-ring', DMA, 'refused', 'lets received frames overwrite its own descriptors', RECEIVE_BUFFER],
  [
    'descriptor-changed-after-doorbell',
    'check/use race',
    'refused',
    'changes a descriptor after publishing it',
    /^an entry of `rxRing` belongs to the device/,
  ],
  [
    'ring-moved-while-running',
    'wrong order',
    'refused',
    'moves the ring while the engine runs',
    /^the transmit ring cannot move while the engine runs/,
  ],
  [
    'enable-before-programming',
    'wrong order',
    'refused',
    'switches the engines on before it programs the rings',
    /^program the (receive|transmit) ring before enabling the engine|^program base, length/,
  ],
  ['tail-past-the-ring', 'out-of-range value', 'refused', 'writes a tail outside the ring', TAIL],
  [
    'reserved-bits',
    'out-of-range value',
    'refused',
    'sets reserved bits of RCTL',
    /^reserved bits of `RCTL` must be written as 0/,
  ],
  [
    'unlisted-register',
    'outside the register file',
    'refused',
    'writes the packet buffer, which no driver needs',
    /^`PACKET_BUFFER` cannot be written/,
  ],
  [
    'wrong-width',
    'wrong width',
    'refused',
    'writes one byte of a 32-bit register',
    /^`TDT` takes whole accesses of 32 bits/,
  ],
  ['moves-a-bar', 'moving the window', 'refused', 'reprograms BAR 0', /^only the platform may change `BARS`/],
  [
    'reset-through-io-window-then-attack',
    'moving the window',
    'refused',
    'resets the card and rings the doorbell through the I/O window',
    /^stop both engines before a reset/,
  ],
  [
    'interrupt-never-acknowledged',
    'starvation',
    'refused',
    'raises its interrupt and never acknowledges it',
    /^the interrupt's cause was not read from `ICR` in time/,
  ],
  // QEMU's card answers too slowly for a storm that exceeds the rate.
  [
    'interrupt-storm',
    'starvation',
    'refused',
    'acknowledges every interrupt and raises the next',
    /^more than 20000 interrupts a second/,
    'model',
  ],
  ['catches-the-refusal-and-continues', 'persistence', 'refused', 'catches refusals and tries the next attack', TAIL],
]);
