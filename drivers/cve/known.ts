/**
 * The CVEs of QEMU's device models that a monitor of the device could have something to say about, by device.
 *
 * Class `A`: a rule over registers alone. `B`: descriptors must be read, on a copy. `A/B`: some of each. `D`: the device writes
 * into another device; the language's own "no grant lies over a BAR" (docs/semantics.md, S8 and S13) is the rule. `X`: nothing
 * that a driver does, so out of scope, and why. Ids come from Debian's changelogs of QEMU with their fixes, except those
 * marked as recalled; the rules are recalled, a design estimate, except where a bug of the catalogue shows one at work.
 */

export type RuleClass = 'A' | 'B' | 'A/B' | 'B/D' | 'D' | 'X';

export interface KnownCves {
  readonly device: string;
  readonly rules: RuleClass;
  /** `2015-3456`; with `~` before it where the id itself is recalled and not checked. */
  readonly ids: string;
  /** The rule, or for class X the reason. */
  readonly rule: string;
}

export const KNOWN: readonly KnownCves[] = [
  { device: 'FDC', rules: 'A', ids: '2015-3456', rule: 'parameter bytes per command as listed; results read before the next' },
  { device: 'FDC', rules: 'A', ids: '2021-20196 2021-3507 ~2020-25741', rule: 'data commands for a drive that is there; first sector before the last' },
  { device: 'IDE, ATAPI', rules: 'A', ids: '2015-5154 2020-29443', rule: 'data port only while DRQ; ATAPI read below the capacity' },
  { device: 'AHCI', rules: 'A/B', ids: '2016-1568 ~2019-12067 ~2021-3735', rule: 'no stop or reset with commands outstanding; list and receive area first; regions hold the sectors' },
  { device: 'ESP, AM53C974', rules: 'A', ids: '2016-4439 2016-4441 2016-5238 2016-5338 2016-6351 2020-35504 2020-35505 2020-35506 2024-24474', rule: 'at most 16 bytes in the FIFO; select before transfer' },
  { device: 'NE2000', rules: 'A', ids: '2015-5278 2015-5279 2015-8743 2016-2841', rule: 'page start before page stop, pointers inside the ring, remote DMA in 32 KiB' },
  { device: 'PCnet', rules: 'A/B', ids: '2016-7909 2015-7504 2015-3209', rule: 'rings are not empty; chained buffers fit the loop-back' },
  { device: 'PCnet', rules: 'X', ids: '2015-7512', rule: 'an oversized packet comes from the network, not from the driver' },
  { device: 'RTL8139', rules: 'B', ids: '2016-8910 2015-5165', rule: 'the ring has an end mark; the length in the IP header fits' },
  { device: 'e1000', rules: 'A/B', ids: '2016-1981 2015-6815 2021-20257', rule: 'heads below the length; context descriptors make sense' },
  { device: 'e1000e', rules: 'B', ids: '2017-9310 2020-28916 2020-16092', rule: 'inspection of descriptors; the exact rule is not worked out' },
  { device: 'e1000e', rules: 'D', ids: '2023-3019', rule: 'DMA goes to memory' },
  { device: 'EEPRO100', rules: 'B', ids: '2015-8345', rule: 'the command list is acyclic and ends' },
  { device: 'EEPRO100', rules: 'D', ids: '2021-20255', rule: 'DMA goes to memory' },
  { device: 'Tulip', rules: 'B', ids: '2020-11102', rule: 'lengths of descriptors' },
  { device: 'Tulip', rules: 'D', ids: '2022-2962', rule: 'DMA goes to memory' },
  { device: 'VMXNET3', rules: 'A/B', ids: '2015-8567 2015-8568 2016-6835', rule: 'activation only with a valid shared page and numbers of queues' },
  { device: 'SDHCI', rules: 'A', ids: '2017-5667 2017-5987 2020-17380 2020-25085 2021-3409 ~2022-3872 2024-3447', rule: 'block size, mode and address frozen while a transfer runs; blocks of 512 bytes at most' },
  { device: 'ES1370', rules: 'A', ids: '2020-13361', rule: 'the current frame lies inside the buffer' },
  { device: 'AC97, ES1370', rules: 'X', ids: '2017-5525 2017-5526', rule: 'memory leaked by unplugging the device, which the management does' },
  { device: 'Intel HDA', rules: 'B', ids: '2016-8909', rule: 'buffers of the list are not empty' },
  { device: 'Intel HDA', rules: 'D', ids: '2021-3611', rule: 'DMA goes to memory' },
  { device: 'UHCI, OHCI', rules: 'A/B', ids: '2016-2391 2017-6505 2017-9330 2020-25624 2020-25625', rule: 'lists are acyclic; isochronous packets of 1023 bytes at most' },
  { device: 'EHCI', rules: 'A/B', ids: '2015-8558 2020-25084 2020-25723 ~2024-8354', rule: 'lists are acyclic, packet ids exist, buffers are memory' },
  { device: 'EHCI', rules: 'D', ids: '~2021-3750', rule: 'DMA goes to memory' },
  { device: 'xHCI', rules: 'B', ids: '2016-8576 2017-5973 2017-9375 2020-14394', rule: 'a bound on the links of each ring' },
  { device: 'USB core', rules: 'B', ids: '2020-14364', rule: 'a set-up packet asks for no more than the buffer; no second one in the middle' },
  { device: 'LSI53C895A', rules: 'B/D', ids: '2019-12068 2022-0216 2023-0330 ~2024-6519', rule: 'a bound on the steps of a script; DMA goes to memory' },
  { device: 'MegaRAID SAS', rules: 'A/B', ids: '2016-5105 2016-5106 2016-5107 2016-5337 2017-8380 2020-13362 ~2020-35503', rule: 'bounds of frames and queues' },
  { device: 'MPT SAS', rules: 'A', ids: '2016-4964 2016-7423 2021-3392', rule: 'the doorbell handshake has its number of words' },
  { device: 'PVSCSI', rules: 'A', ids: '2016-4952 2016-7421 2017-8112', rule: 'rings of 1 to 32 pages; distance of the indices' },
  { device: 'Cirrus, VGA', rules: 'A', ids: '2014-8106 2017-2615 2017-2620 2016-3710 2016-3712', rule: 'blits and banks inside video memory' },
  { device: 'ATI', rules: 'A', ids: '2020-13800 2020-27616 2021-3638', rule: 'MM_INDEX never selects itself; blits inside video memory' },
  { device: 'SM501', rules: 'A', ids: '2020-12829', rule: 'blits inside video memory' },
  { device: '16550', rules: 'A', ids: '2016-8669', rule: 'range of the divisor' },
  { device: 'PIT', rules: 'A', ids: '2015-3214', rule: 'port 0x43 is not read' },
  { device: 'fw_cfg', rules: 'A', ids: '2016-1714', rule: 'no data without a selection' },
  { device: 'MSI-X', rules: 'A', ids: '2015-7549', rule: 'the pending bits are read-only' },
  { device: 'virtio', rules: 'B', ids: '~2016-5403 2016-7422 2021-3748', rule: 'no more requests than the queue has; chains are acyclic, in memory' },
  { device: 'virtio', rules: 'D', ids: '2024-3446', rule: 'DMA goes to memory' },
]; // prettier-ignore

export interface KnownCve extends Omit<KnownCves, 'ids'> {
  readonly id: string;
  /** The id itself was found in a changelog, with its fix. */
  readonly checked: boolean;
}

/** One entry for each CVE. */
export const CVES: readonly KnownCve[] = KNOWN.flatMap(({ ids, ...rest }) =>
  ids.split(' ').map((id) => ({ id: `CVE-${id.replace('~', '')}`, checked: !id.startsWith('~'), ...rest })),
);
