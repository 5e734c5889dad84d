/**
 * The rogue drivers that attack the kernel and not a device: every device's demo and tests run them too. A test keeps the
 * table and the folder in step.
 */
import { catalogue } from './rogue-driver.ts';

const TOO_LONG = /^an entry took longer than 250 ms/;
const TOO_LONG_OR_TOO_MUCH = /^an entry took longer than 250 ms|^it held more memory than/;
const NOTHING_TO_REACH = /^its compartment holds nothing but `io`/;

export const KERNEL_ROGUES = catalogue('drivers/rogue', [
  ['endless-loop', 'starvation', 'stopped', 'never returns from an entry', TOO_LONG],
  ['memory-bomb', 'exhaustion', 'stopped', 'fills the JavaScript heap', TOO_LONG_OR_TOO_MUCH],
  ['buffer-bomb', 'exhaustion', 'stopped', 'fills memory with array buffers', TOO_LONG_OR_TOO_MUCH],
  ['grant-bomb', 'exhaustion', 'refused', 'asks for DMA memory without end', /^too many grants/],
  [
    'escape-constructor',
    'escape',
    'contained',
    'reaches for the outer global object through constructors',
    NOTHING_TO_REACH,
  ],
  ['escape-dynamic-import', 'escape', 'contained', 'loads modules by code made at run time', NOTHING_TO_REACH],
  [
    'escape-prototype-pollution',
    'escape',
    'contained',
    'changes prototypes that trusted code shares',
    NOTHING_TO_REACH,
  ],
  ['escape-process', 'escape', 'contained', 'looks for what node leaves lying about', NOTHING_TO_REACH],
]);
