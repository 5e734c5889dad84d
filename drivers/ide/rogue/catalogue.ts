/** Every rogue driver of the IDE controller, in one table: what it is, and what must become of it. */
import { dataRows, DRIVE_ROWS } from '../../ata/rogue-rows.ts';
import { catalogue } from '../../rogue/rogue-driver.ts';

const DMA = 'DMA outside the grants';
const OUTSIDE = /^a region is outside the memory granted to this driver/;
const TABLE = /^a `primary_Region` does not lie in memory granted/;
const NO_DATA = /^the drive has no data to read/;

export const IDE_ROGUES = catalogue('drivers/ide/rogue', [
  ...dataRows({ writes: OUTSIDE, reads: OUTSIDE }),
  ['table-in-foreign-memory', DMA, 'refused', 'keeps its table of regions in foreign memory', TABLE],
  ['table-without-an-end', DMA, 'refused', 'leaves the mark of the last region out', TABLE],
  [
    'table-changed-while-running',
    'check/use race',
    'refused',
    'changes its table while the bus master runs',
    /^the table of regions belongs to the bus master/,
  ],
  [
    'table-moved-while-running',
    'wrong order',
    'refused',
    'moves its table while the bus master runs',
    /^the table of regions cannot move while/,
  ],
  [
    'command-longer-than-its-table',
    'device-specific misuse',
    'refused',
    'reads more sectors than its regions hold',
    /^the command moves more than the regions hold/,
  ],
  [
    'direction-against-the-command',
    'device-specific misuse',
    'refused',
    'runs the bus master against the direction of its command',
    /^the command moves data in the other direction/,
  ],
  [
    'region-across-64-kib',
    'out-of-range value',
    'refused',
    'lays a region across a boundary of 64 KiB',
    /^a region crosses a boundary of 64 KiB/,
  ],
  [
    'command-while-at-work',
    'wrong order',
    'refused',
    'gives a command while another is under way',
    /^the drive is not ready for a command/,
  ],
  [
    'parameters-while-at-work',
    'wrong order',
    'refused',
    'changes the count of sectors while the drive works',
    /^the drive is at work/,
  ],
  ['data-that-nobody-offers', 'wrong order', 'refused', 'reads the data port of a drive at rest', NO_DATA],
  [
    'one-word-more-than-the-command',
    'device-specific misuse',
    'refused',
    'reads one word more than IDENTIFY has',
    NO_DATA,
  ],
  ...DRIVE_ROWS,
  [
    'port-next-door',
    'outside the register file',
    'refused',
    'writes the port behind the task file',
    /^the device has nothing there/,
  ],
  [
    'wrong-width',
    'wrong width',
    'refused',
    'writes two registers of the task file at once',
    /^`primary_COUNT` takes whole accesses of 8 bits/,
  ],
  [
    'reserved-bits',
    'out-of-range value',
    'refused',
    'sets reserved bits of BMICOM',
    /^reserved bits of `primary_BMICOM` must be written as 0/,
  ],
  ['moves-a-bar', 'moving the window', 'refused', 'reprograms BAR 4', /^only the platform may change `pci_BARS`/],
  [
    'interrupt-never-acknowledged',
    'starvation',
    'refused',
    'never reads the status that acknowledges its interrupt',
    /^the interrupt's cause was not read from `primary_COMMAND` in time/,
  ],
  [
    'catches-the-refusal-and-continues',
    'persistence',
    'refused',
    'catches refusals and tries the next attack',
    NO_DATA,
  ],
]);
