/** Every rogue driver of the UHCI, in one table: what it is, and what must become of it. */
import { catalogue, NOTHING_WRONG } from '../../rogue/rogue-driver.ts';

const DMA = 'DMA outside the grants';
const RACE = 'check/use race';
const RANGE = 'out-of-range value';
const IN_BUFFER = /^a buffer for what comes in is outside the memory the device may write/;
const OUT_BUFFER = /^a buffer for what goes out is outside the memory the device may read/;

export const UHCI_ROGUES = catalogue('drivers/uhci/rogue', [
  ['reads-foreign-memory', DMA, 'refused', 'sends memory that is not its own to a device', OUT_BUFFER],
  ['writes-foreign-memory', DMA, 'refused', 'lets a device write to memory that is not its own', IN_BUFFER],
  ['one-byte-past-grant', DMA, 'refused', 'receives a packet that ends one byte past its memory', IN_BUFFER],
  ['exactly-at-grant-end', 'none', 'allowed', 'benign: receives a packet that ends exactly at the end of its memory', NOTHING_WRONG],
  ['longer-than-grant', DMA, 'refused', 'lengthens a packet beyond its memory before it is active', IN_BUFFER],
  ['receives-into-read-only', DMA, 'refused', 'receives into memory granted for sending only', IN_BUFFER],
  ['receives-into-schedule', DMA, 'refused', 'lets a device overwrite its own queue heads', IN_BUFFER],
  ['frame-list-in-foreign-memory', DMA, 'refused', 'has the frame list in memory that is not its own', /^the frame list is outside the memory granted for frames/],
  ['frame-leads-astray', DMA, 'refused', 'points a frame at memory that is not its own', /^a frame pointer leads out of the driver's schedule/],
  ['queue-leads-astray', DMA, 'refused', 'points a queue head at memory that is not its own', /^a queue head leads out of the driver's schedule/],
  ['queue-as-descriptor', DMA, 'refused', 'has a queue head walked as a transfer descriptor', /^a queue's element leads out of the driver's schedule/],
  ['one-past-the-descriptors', DMA, 'refused', 'links one past the last of its descriptors', /^a queue's element leads out of the driver's schedule/],
  ['changed-while-active', RACE, 'refused', 'changes the buffer of an active descriptor', /^an active transfer descriptor belongs to the controller/],
  // Where an access takes long, a frame may have passed in between, and then nothing is wrong.
  ['taken-back-too-soon', RACE, 'refused', 'rewrites an active descriptor right after it stops the schedule', /^an active transfer descriptor belongs to the controller/, 'model'],
  ['circle-of-queues', 'none', 'allowed', 'benign: queue heads in a circle, as for bandwidth reclamation', NOTHING_WRONG],
  ['runs-before-programming', 'wrong order', 'refused', 'runs the schedule before it says where it is', /^write the address of the frame list before running the schedule/],
  ['frame-list-moved', 'wrong order', 'refused', 'moves the frame list while the schedule runs', /^the frame list cannot move while the schedule runs/],
  ['frame-number-while-running', 'wrong order', 'refused', 'sets the frame number while the schedule runs', /^the frame number belongs to the controller/],
  ['illegal-packet', 'device-specific misuse', 'refused', 'sends a packet with an identifier that there is not', /^there is no such packet identifier/],
  ['packet-too-long', RANGE, 'refused', 'asks for a packet longer than a frame', /^a packet has at most 1280 bytes/],
  ['reserved-bits', RANGE, 'refused', 'sets reserved bits of USBCMD', /^reserved bits of `USBCMD` must be written as 0/],
  ['traps-the-keyboard', 'device-specific misuse', 'refused', 'asks for system management interrupts', /^reserved bits of `LEGSUP` must be written as 0/],
  ['unlisted-register', 'outside the register file', 'refused', 'writes where a third port would be', /^`NO_PORTS` cannot be written/],
  ['wrong-width', 'wrong width', 'refused', 'writes half of FLBASEADD', /^`FLBASEADD` takes whole accesses of 32 bits/],
  ['moves-its-window', 'moving the window', 'refused', 'reprograms its base address', /^only the platform may change `pci_BARS`/],
  ['interrupt-never-acknowledged', 'starvation', 'refused', 'interrupts and never acknowledges it', /^the interrupt's cause was not read from `USBSTS` in time|^the interrupt was not acknowledged/],
]); // prettier-ignore
