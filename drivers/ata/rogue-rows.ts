/** Rows that the rogue tables of all disk controllers have: what is done to the disk, whatever the controller's rules are. */
import { NOTHING_WRONG, type RogueRow } from '../rogue/rogue-driver.ts';

const DMA = 'DMA outside the grants';
const NEVER = /^no driver may give a drive this command/;

/** Attacks by where the data goes. @param outside the controller's reasons, by what the device does to the memory */
export const dataRows = (outside: { readonly writes: RegExp; readonly reads: RegExp }): readonly RogueRow[] => [
  [
    'reads-the-disk-into-foreign-memory',
    DMA,
    'refused',
    'reads the disk into memory that is not its own',
    outside.writes,
  ],
  ['writes-foreign-memory-to-the-disk', DMA, 'refused', 'writes memory that is not its own to the disk', outside.reads],
  ['region-one-word-past-grant', DMA, 'refused', 'reads a sector whose last word lies past its memory', outside.writes],
  [
    'region-exactly-at-grant-end',
    'none',
    'allowed',
    'benign: reads a sector that ends exactly at the end of its memory',
    NOTHING_WRONG,
  ],
  [
    'reads-the-disk-into-memory-for-writing',
    DMA,
    'refused',
    'reads the disk into memory granted for writing to it',
    outside.writes,
  ],
];

/** Commands of the drive that outlast the driver. */
export const DRIVE_ROWS: readonly RogueRow[] = [
  ['rewrites-the-drives-program', 'device-specific misuse', 'refused', 'downloads microcode to the drive', NEVER],
  ['locks-the-disk', 'device-specific misuse', 'refused', 'sets a password on the disk', NEVER],
  [
    'shrinks-the-disk-for-good',
    'device-specific misuse',
    'refused',
    'makes the disk smaller for good',
    /^the disk may not be made smaller for good/,
  ],
];
