/**
 * The devices that the shield knows: one row each, and nothing else to add for the next one.
 *
 * A row names QEMU's device, its specification, the modules of the unmodified Linux driver, what the guest does with it,
 * what is plugged in on the far side, and how the far side tells whether the work was done. A row holds no logic of the
 * RVM: which registers name descriptors and what is shadowed comes from the specification.
 */
import type { KnownDevice } from '../backing/qemu/index.ts';
import type { GuestPhases } from './guest-script.ts';
import { network } from './outside/network.ts';

/** What is plugged into the device, on this side. */
export interface Outside {
  /** QEMU's arguments before the device, and properties of the device. */
  readonly arguments: readonly string[];
  readonly properties: readonly string[];
  /**
   * Compares what the guest says with what is known here.
   * @returns what is wrong; empty: the work was done. `summary` is for people.
   */
  judge(facts: ReadonlyMap<string, readonly string[]>): { readonly wrong: readonly string[]; readonly summary: string };
}

export interface ShieldRow extends GuestPhases {
  readonly name: string;
  readonly title: string;
  /** From the package's root. */
  readonly specification: string;
  readonly qemu: Pick<KnownDevice, 'argument' | 'vendor' | 'device'>;
  /** What the guest loads besides what these need; the driver itself is the last. */
  readonly modules: readonly string[];
  /** Sets up the far side in a folder of its own. */
  outside(folder: string): Outside;
  readonly rogue: {
    readonly title: string;
    readonly script: string;
    readonly kernelArguments?: readonly string[];
  };
}

const NETWORK_PROBE = `
until_true 10 [ -e /sys/class/net/eth0 ] || fact failed "no network interface"
ip addr add 10.0.2.15/24 dev eth0 2>/dev/null
ip link set eth0 up
until_true 15 ping -c 1 -W 1 10.0.2.2 || fact failed "no answer from the far side"
fact driver "$(basename $(readlink $DEVICE/driver))"`;

const NETWORK_TRAFFIC = `
for size in 56 1400 6000; do
  fact ping $size $(ping -c 3 -W 2 -s $size 10.0.2.2 | sed -n 's/.* \\([0-9]*\\) packets received.*/\\1/p')
done
START=$(cut -d' ' -f1 /proc/uptime)
tftp -g -b 1428 -r payload -l /tmp/payload 10.0.2.2 || fact failed tftp
fact seconds $START $(cut -d' ' -f1 /proc/uptime)
fact sha256 $(sha256sum /tmp/payload | cut -d' ' -f1)
rm -f /tmp/payload`;

export const SHIELD_ROWS: readonly ShieldRow[] = [
  {
    name: 'e1000',
    title: 'Intel 82540EM network card, Linux driver e1000',
    specification: 'drivers/e1000/e1000.dss',
    qemu: { argument: 'e1000,romfile=', vendor: 0x8086, device: 0x100e },
    modules: ['e1000'],
    outside: network,
    probe: NETWORK_PROBE,
    traffic: NETWORK_TRAFFIC,
    unload: 'ip link set eth0 down',
    rogue: {
      title: 'user space moves the running receive ring beyond its memory, through the window of BAR1 in sysfs',
      // IOADDR := 0x2800 (RDBAL), IODATA := 0x1000_0000: the first byte that is not the guest's.
      script: `poke $DEVICE/resource1 4 0 '\\000\\050\\000\\000'
poke $DEVICE/resource1 4 1 '\\000\\000\\000\\020'`,
    },
  },
];

export const SHIELD_NAMES: readonly string[] = SHIELD_ROWS.map(({ name }) => name);

/** Every module that any row needs: one guest for all devices. */
export function allModules(): readonly string[] {
  return [...new Set(SHIELD_ROWS.flatMap(({ modules }) => modules))];
}
