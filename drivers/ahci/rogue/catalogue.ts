/** Every rogue driver of the AHCI controller, in one table: what it is, and what must become of it. */
import { dataRows, DRIVE_ROWS } from '../../ata/rogue-rows.ts';
import { catalogue } from '../../rogue/rogue-driver.ts';

const DMA = 'DMA outside the grants';
const OUTSIDE_TO_WRITE = /^a region is outside the memory the device may write/;
const OUTSIDE_TO_READ = /^a region is outside the memory the device may read/;
const TABLE = /^a `Command` does not lie in memory granted/;
const REGIONS = /^a `Region` does not lie in memory granted/;
const LIST_MOVED = /^the command list cannot move while the port runs/;

export const AHCI_ROGUES = catalogue('drivers/ahci/rogue', [
  ...dataRows({ writes: OUTSIDE_TO_WRITE, reads: OUTSIDE_TO_READ }),
  ['table-in-foreign-memory', DMA, 'refused', 'keeps a command table in foreign memory', TABLE],
  ['table-in-a-buffer', DMA, 'refused', 'keeps a command table where the disk writes', TABLE],
  ['more-regions-than-its-table', DMA, 'refused', 'has one region more than its table has memory for', REGIONS],
  [
    'list-in-foreign-memory',
    DMA,
    'refused',
    'starts its port with a command list in foreign memory',
    /^the command list is outside the memory granted for commands/,
  ],
  [
    'receive-area-in-foreign-memory',
    DMA,
    'refused',
    'has frames received into foreign memory',
    /^the receive area is outside the memory the device may write/,
  ],
  ['list-moved-while-running', 'wrong order', 'refused', 'moves the command list of a port that runs', LIST_MOVED],
  [
    'list-moved-by-index',
    'moving the window',
    'refused',
    'moves the command list through the index pair in BAR 4',
    LIST_MOVED,
  ],
  [
    'table-changed-while-issued',
    'check/use race',
    'refused',
    'changes a command table after it was issued',
    /^a command table belongs to the device/,
  ],
  [
    'header-changed-while-issued',
    'check/use race',
    'refused',
    'changes a command header after it was issued',
    /^a command header belongs to the device/,
  ],
  [
    'command-longer-than-its-regions',
    'device-specific misuse',
    'refused',
    'reads more sectors than its regions hold',
    /^the command moves more than the regions hold/,
  ],
  [
    'direction-against-the-command',
    'device-specific misuse',
    'refused',
    'marks a read as a write',
    /^the command moves data in the other direction/,
  ],
  [
    'command-on-a-stopped-port',
    'wrong order',
    'refused',
    'issues a command on a port that is stopped',
    /^start the port before issuing a command/,
  ],
  [
    'stops-in-the-middle',
    'wrong order',
    'refused',
    'stops its port in the middle of a command',
    /^no stop while commands are outstanding/,
  ],
  [
    'resets-in-the-middle',
    'wrong order',
    'refused',
    'resets the controller in the middle of a command',
    /^no reset while commands are outstanding/,
  ],
  [
    'queued-and-not-announced',
    'wrong order',
    'refused',
    'issues a queued command that PxSACT does not announce',
    /^a queued command is announced in PxSACT first/,
  ],
  [
    'queued-under-a-false-tag',
    'out-of-range value',
    'refused',
    'gives a queued command the tag of another slot',
    /^the tag of a queued command is its slot/,
  ],
  ...DRIVE_ROWS,
  [
    'register-next-door',
    'outside the register file',
    'refused',
    'writes behind the last port',
    /^region `hba` has no register there/,
  ],
  ['wrong-width', 'wrong width', 'refused', 'writes half a register', /^`port.PxCMD` takes whole accesses of 32 bits/],
  [
    'reserved-bits',
    'out-of-range value',
    'refused',
    'sets reserved bits of GHC',
    /^reserved bits of `GHC` must be written as 0/,
  ],
  ['moves-a-bar', 'moving the window', 'refused', 'reprograms BAR 5', /^only the platform may change `pci_BARS`/],
  [
    'aims-its-interrupts',
    'moving the window',
    'refused',
    'has interrupts delivered as messages to memory',
    /^only the platform may change `MSI_MESSAGE`/,
  ],
  [
    'interrupt-never-acknowledged',
    'starvation',
    'refused',
    'never reads the cause of its interrupt',
    /^the interrupt's cause was not read from `IS` in time/,
  ],
  [
    'catches-the-refusal-and-continues',
    'persistence',
    'refused',
    'catches refusals and tries the next attack',
    LIST_MOVED,
  ],
]);
