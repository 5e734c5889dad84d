/**
 * The guest's only program: what its first process does, as a shell script for busybox.
 *
 * It speaks to us in console lines that begin with `refmon: `: `phase NAME`, `fact NAME VALUE`, `done`. What a guest says
 * is an allegation; the counts, the violations and the evidence from the device's far side are ours.
 */
import type { ArchiveFile } from './initramfs.ts';
import { GUEST_SLOT } from './guest-machine.ts';

export interface GuestPhases {
  /** Shell text after the driver's modules are loaded: brings the device up. */
  readonly probe: string;
  readonly traffic: string;
  /** Lets go of the device; the driver's module is removed afterwards. */
  readonly unload: string;
}

export interface GuestProgram extends GuestPhases {
  /** In the order of loading; the driver itself is the last. */
  readonly modules: readonly string[];
  /** The module removed at the end. */
  readonly driver: string;
  /** What a misbehaving guest does after the traffic; undefined: nothing. */
  readonly rogue: string | undefined;
  /** How often to repeat the traffic; more than once for measurements. */
  readonly repeat: number;
  /** What else the guest does after its traffic, in a shell of its own; undefined: nothing. */
  readonly script: Uint8Array | undefined;
}

export type GuestLine =
  | { readonly kind: 'phase'; readonly phase: string }
  | { readonly kind: 'fact'; readonly name: string; readonly value: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'other'; readonly text: string };

const PREFIX = 'refmon: ';

/** What a line of the console says. */
export function parseGuestLine(line: string): GuestLine {
  const at = line.indexOf(PREFIX);
  if (at === -1) return { kind: 'other', text: line };
  const [word, name, ...rest] = line
    .slice(at + PREFIX.length)
    .trim()
    .split(' ');
  if (word === 'phase' && name !== undefined) return { kind: 'phase', phase: name };
  if (word === 'fact' && name !== undefined) return { kind: 'fact', name, value: rest.join(' ') };
  if (word === 'done') return { kind: 'done' };
  return { kind: 'other', text: line };
}

/** Functions that the phases may use: `fact`, `until_true SECONDS COMMAND`, `poke FILE BYTES INDEX OCTAL...`, `load MODULE...`. */
const PRELUDE = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /bin
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev 2>/dev/null
exec </dev/null >/dev/console 2>&1
DEVICE=/sys/bus/pci/devices/0000:00:0${GUEST_SLOT}.0
say() { echo "${PREFIX}$*"; }
phase() { say phase "$1"; }
fact() { say fact "$@"; }
# until_true SECONDS COMMAND...: tries again and again
until_true() {
  _left=$(($1 * 10)); shift
  until "$@" >/dev/null 2>&1; do
    _left=$((_left - 1)); [ $_left -gt 0 ] || return 1
    usleep 100000
  done
}
# poke FILE WIDTH INDEX BYTES: stores one element through a file of sysfs; BYTES are octal, lowest first
poke() { printf "$4" | dd of="$1" bs="$2" seek="$3" count=1 conv=notrunc 2>/dev/null; }
load() { for _module; do insmod /modules/$_module.ko || fact failed "insmod $_module"; done; }
`;

export function guestScript(program: GuestProgram): string {
  const { modules, driver, probe, traffic, unload, rogue, repeat, script } = program;
  const work = (name: string): string =>
    repeat === 1
      ? `${name}()\n{\n${traffic}\n}`
      : `${name}()\n{\nfor ROUND in $(seq ${repeat}); do\n${traffic}\ndone\n}`;
  const attack =
    rogue === undefined
      ? ''
      : `
phase rogue
${rogue}
sleep 1
fact alive "$(uname -r)"
phase again
echo 0000:00:0${GUEST_SLOT}.0 > $DEVICE/driver/unbind 2>/dev/null
echo 0000:00:0${GUEST_SLOT}.0 > /sys/bus/pci/drivers_probe
probe
traffic`;
  // A subshell: whatever the script does to its shell, the first process goes on.
  const more =
    script === undefined
      ? ''
      : `
phase script
( . /script ) || fact failed "the script ended with status $?"`;
  return `${PRELUDE}
probe()
{
${probe}
}
${work('traffic')}
phase probe
load ${modules.join(' ')}
probe
phase traffic
traffic
${more}
${attack}
phase unload
${unload}
rmmod ${driver} || fact failed "rmmod ${driver}"
fact modules "$(lsmod | grep -c '^${driver} ')"
phase end
say done
poweroff -f
`;
}

/** Everything in the guest's first file system. */
export function guestFiles(
  program: GuestProgram,
  busybox: Uint8Array,
  modules: readonly { readonly name: string; readonly bytes: Uint8Array }[],
): readonly ArchiveFile[] {
  return [
    { path: 'bin', content: 'folder' },
    { path: 'dev', content: 'folder' },
    { path: 'modules', content: 'folder' },
    { path: 'bin/busybox', content: busybox },
    ...modules.map(({ name, bytes }) => ({ path: `modules/${name}.ko`, content: bytes, mode: 0o644 })),
    ...(program.script === undefined ? [] : [{ path: 'script', content: program.script, mode: 0o644 }]),
    { path: 'init', content: Buffer.from(guestScript(program)) },
  ];
}
