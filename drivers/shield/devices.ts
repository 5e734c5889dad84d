/**
 * The devices that the shield knows: one row each, and nothing else to add for the next one.
 *
 * A row names QEMU's device, its specification, the modules of the unmodified Linux driver, what the guest does with it,
 * what is plugged in on the far side, and how the far side tells whether the work was done. A row holds no logic of the
 * RVM: which registers name descriptors and what is shadowed comes from the specification.
 */
import type { KnownDevice } from '../backing/qemu/index.ts';
import type { GuestPhases } from './guest-script.ts';
import { disk } from './outside/disk.ts';
import { EVENT_FACT, LAST_KEY, mouse, READY_FACT } from './outside/mouse.ts';
import { network } from './outside/network.ts';
import { together, type Outside } from './outside/outside.ts';
import { sound } from './outside/sound.ts';
import type { PollDemand } from './poll-demand.ts';

export interface ShieldRow extends GuestPhases {
  readonly name: string;
  readonly title: string;
  /** From the package's root. */
  readonly specification: string;
  readonly qemu: Pick<KnownDevice, 'argument' | 'vendor' | 'device'>;
  /** What the guest loads besides what these need; the driver itself is the last. */
  readonly modules: readonly string[];
  /** Of a device without a doorbell that nevertheless waits to be told. */
  readonly demand?: PollDemand;
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

/** A square wave of 250 Hz in the sampling that OSS begins with: 8 kHz, 8 bits, one channel; 1.024 s. */
const SOUND_PROBE = `
until_true 10 [ -e /dev/dsp ] || fact failed "no sound device"
fact driver "$(basename $(readlink $DEVICE/driver))"
printf '\\100\\100\\100\\100\\100\\100\\100\\100\\100\\100\\100\\100\\100\\100\\100\\100' > /tmp/tone
printf '\\300\\300\\300\\300\\300\\300\\300\\300\\300\\300\\300\\300\\300\\300\\300\\300' >> /tmp/tone
for i in 1 2 3 4 5 6 7 8; do cat /tmp/tone /tmp/tone > /tmp/twice; mv /tmp/twice /tmp/tone; done`;

const SOUND_TRAFFIC = `
dd if=/tmp/tone of=/dev/dsp bs=8192 2>/dev/null || fact failed "playing"
fact played 8192`;

const DISK_PROBE = `
until_true 20 [ -b /dev/sda ] || fact failed "no disk"
fact driver "$(basename $(readlink $DEVICE/driver))"`;

/** Reads the first MiB, and writes it to the fourth. Direct: past the guest's cache. */
const DISK_TRAFFIC = `
START=$(cut -d' ' -f1 /proc/uptime)
dd if=/dev/sda of=/tmp/data bs=64k count=16 iflag=direct 2>/dev/null || fact failed reading
fact sha256 $(sha256sum /tmp/data | cut -d' ' -f1)
dd if=/tmp/data of=/dev/sda bs=64k seek=48 oflag=direct conv=fsync 2>/dev/null || fact failed writing
fact seconds $START $(cut -d' ' -f1 /proc/uptime)
rm -f /tmp/data`;

/** After the disk, since that takes as long to be found. */
const MOUSE_PROBE = `
mouse_is_there() {
  for _input in /sys/class/input/event*; do
    if grep -q 'USB Mouse' $_input/device/name; then MOUSE=/dev/input/\${_input##*/}; return 0; fi
  done
  return 1
}
until_true 20 mouse_is_there || fact failed "no mouse"`;

/** Says every input event, of 24 bytes each, until the last key of the hand is up again. */
const MOUSE_TRAFFIC = `
exec 3<$MOUSE
fact ${READY_FACT} $MOUSE
while set -- $(timeout 20 dd bs=24 count=1 <&3 2>/dev/null | od -An -td2); do
  [ $# = 12 ] || { fact failed "the mouse says nothing"; break; }
  fact ${EVENT_FACT} $9 \${10} \${11}
  [ "$9 \${10} \${11}" != "1 ${LAST_KEY} 0" ] || break
done
exec 3<&-`;

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
  {
    name: '8139',
    title: 'Realtek 8139C+ network card, Linux driver 8139cp',
    specification: 'drivers/rtl8139/rtl8139.dss',
    qemu: { argument: 'rtl8139,romfile=', vendor: 0x10ec, device: 0x8139 },
    modules: ['8139cp'],
    // TPPOLL: HPQ and NPQ (6.33). The receive ring is looked at whenever a frame comes.
    demand: { space: 1, offset: 0xd9, bits: 0xc0 },
    outside: network,
    probe: NETWORK_PROBE,
    traffic: NETWORK_TRAFFIC,
    unload: 'ip link set eth0 down',
    rogue: {
      title: 'user space moves the running receive ring beyond its memory, through /dev/mem',
      script: `devmem $(( $(head -2 $DEVICE/resource | tail -1 | cut -d' ' -f1) + 0xE4 )) 32 0x10000000`,
      kernelArguments: ['iomem=relaxed'],
    },
  },
  {
    name: 'snd-intel8x0',
    title: "Intel AC'97 audio, Linux driver snd_intel8x0",
    specification: 'drivers/ac97/ac97.dss',
    qemu: { argument: 'AC97', vendor: 0x8086, device: 0x2415 },
    modules: ['snd_pcm_oss', 'snd_intel8x0'],
    outside: sound,
    // Linux leaves the codec muted and busybox has no mixer: master and PCM volumes, as a mixer would set them.
    probe: `${SOUND_PROBE}
poke $DEVICE/resource0 2 1 '\\000\\000'
poke $DEVICE/resource0 2 12 '\\010\\010'`,
    traffic: SOUND_TRAFFIC,
    unload: '',
    rogue: {
      title: 'user space starts a recording to a list of buffers beyond its memory, through BAR1 in sysfs',
      // PCM in: BDBAR := 0x1000_0000, then CR := RUN.
      script: `poke $DEVICE/resource1 4 0 '\\000\\000\\000\\020'
poke $DEVICE/resource1 1 11 '\\001'`,
    },
  },
  {
    name: 'snd-ens1370',
    title: 'Ensoniq AudioPCI ES1370, Linux driver snd_ens1370',
    specification: 'drivers/es1370/es1370.dss',
    qemu: { argument: 'ES1370', vendor: 0x1274, device: 0x5000 },
    modules: ['snd_pcm_oss', 'snd_ens1370'],
    outside: sound,
    probe: SOUND_PROBE,
    traffic: SOUND_TRAFFIC,
    unload: '',
    rogue: {
      title: 'user space records to a frame beyond its memory, through BAR0 in sysfs',
      // Page 0xD, ADC frame address := 0x1000_0000, ADC frame size := 0xFFFF, sample count; then CONTROL.ADC_EN.
      script: `poke $DEVICE/resource0 4 3 '\\015\\000\\000\\000'
poke $DEVICE/resource0 4 12 '\\000\\000\\000\\020'
poke $DEVICE/resource0 4 13 '\\377\\377\\000\\000'
poke $DEVICE/resource0 4 0 '\\020\\000\\000\\000'`,
    },
  },
  {
    name: 'uhci',
    title: 'PIIX3 USB host controller with a mouse and a disk, Linux drivers uhci_hcd, usbhid and usb-storage',
    specification: 'drivers/uhci/uhci.dss',
    qemu: { argument: 'piix3-usb-uhci,id=usb', vendor: 0x8086, device: 0x7020 },
    modules: ['sd_mod', 'usb_storage', 'evdev', 'hid_generic', 'usbhid', 'uhci_hcd'],
    outside: (folder) => together(mouse(), disk(folder, 'usb-storage,bus=usb.0,port=2')),
    probe: DISK_PROBE + MOUSE_PROBE,
    traffic: DISK_TRAFFIC + MOUSE_TRAFFIC,
    unload: 'sync',
    rogue: {
      title: 'user space moves the frame list of the running schedule beyond its memory, through BAR4 in sysfs',
      script: `poke $DEVICE/resource4 4 2 '\\000\\000\\000\\020'`,
    },
  },
  {
    name: 'ahci',
    title: 'Intel ICH9 SATA controller with a disk, Linux driver ahci',
    specification: 'drivers/ahci/ahci.dss',
    qemu: { argument: 'ich9-ahci,id=sata', vendor: 0x8086, device: 0x2922 },
    modules: ['sd_mod', 'ahci'],
    outside: (folder) => disk(folder, 'ide-hd,bus=sata.0'),
    probe: DISK_PROBE,
    traffic: DISK_TRAFFIC,
    unload: 'sync',
    rogue: {
      title: 'user space moves the command list of the running port beyond its memory, through /dev/mem',
      script: `devmem $(( $(head -6 $DEVICE/resource | tail -1 | cut -d' ' -f1) + 0x100 )) 32 0x10000000`,
      kernelArguments: ['iomem=relaxed'],
    },
  },
];

export const SHIELD_NAMES: readonly string[] = SHIELD_ROWS.map(({ name }) => name);

/** Every module that any row needs: one guest for all devices. */
export function allModules(): readonly string[] {
  return [...new Set(SHIELD_ROWS.flatMap(({ modules }) => modules))];
}
