/** ehci-01: a transfer whose packet id does not exist. */
import { CONFIG_SPACE } from '../../../dsslang/runtime.ts';
import { DISK } from '../board.ts';
import type { Bug } from '../bug.ts';
import type { Hands, Memory, Registers } from '../hands.ts';

const COMMAND = 0x04;
const USBCMD = 0x20;
const USBSTS = 0x24;
const USBINTR = 0x28;
const SEGMENT = 0x30;
const ASYNCLISTADDR = 0x38;
const CONFIGFLAG = 0x60;
const PORTSC = 0x64;

const RUN = 1;
const ASYNC = 1 << 5;
const THRESHOLD = 8 << 16;
const ASYNC_RUNS = 1 << 15;
const HALTED = 1 << 12;
const END = 1;

const OUT = 0;
const IN = 1;
const SETUP = 2;
const RESERVED = 3;

const SECTOR = 512;
const SECTORS = 64;

interface Transfer {
  readonly pid: number;
  readonly bytes: number;
  readonly toggle: number;
  /** Where in `data` the buffer begins. */
  readonly at: number;
}

/** A controller that runs, with the stick at its first port reset and at address 0. */
interface Host {
  readonly regs: Registers;
  readonly structures: Memory;
  readonly data: Memory;
}

function start(hands: Hands): Host {
  const regs = hands.registers(0);
  hands.registers(CONFIG_SPACE).write16(COMMAND, 0x106);
  regs.write32(USBCMD, THRESHOLD);
  hands.until('the controller has stopped', () => (regs.read32(USBSTS) & HALTED) !== 0);
  regs.write32(USBCMD, 2);
  hands.until('the controller is reset', () => (regs.read32(USBCMD) & 2) === 0);
  regs.write32(USBINTR, 0);
  regs.write32(SEGMENT, 0);
  const structures = hands.allocate(4096, 'commands');
  const data = hands.allocate(8192, 'device-reads-writes');
  regs.write32(USBCMD, THRESHOLD | RUN);
  regs.write32(CONFIGFLAG, 1);
  hands.until('a stick is there', () => (regs.read32(PORTSC) & 1) !== 0);
  regs.write32(PORTSC, 0x1100);
  hands.sleep(10);
  regs.write32(PORTSC, 0x1000);
  hands.until('the port is enabled', () => (regs.read32(PORTSC) & 0x4) !== 0);
  return { regs, structures, data };
}

const HEAD = 0;
const transferAt = (index: number): number => 0x100 + 0x40 * index;

/** A ring of one queue head, and its transfers. */
function lay(
  { structures, data }: Host,
  address: number,
  endpoint: number,
  packet: number,
  transfers: readonly Transfer[],
): void {
  const head = structures.address + HEAD;
  transfers.forEach(({ pid, bytes, toggle, at }, index) => {
    const last = index === transfers.length - 1;
    const next = last ? END : structures.address + transferAt(index + 1);
    const token = ((toggle << 31) | (bytes << 16) | (last ? 0x8000 : 0) | (3 << 10) | (pid << 8) | 0x80) >>> 0;
    const first = data.address + at;
    const page = first - (first % 4096);
    structures.store32(
      transferAt(index),
      next,
      END,
      token,
      first,
      page + 4096,
      page + 8192,
      page + 12_288,
      page + 16_384,
    );
  });
  // Head of the ring, toggles from the transfers, high speed.
  const info = ((packet << 16) | (1 << 15) | (1 << 14) | (2 << 12) | (endpoint << 8) | address) >>> 0;
  structures.store32(HEAD, head | 2, info, 1 << 30, 0, structures.address + transferAt(0), END, 0, 0, 0, 0, 0, 0);
}

/** The way of drivers that poll: lay everything out, switch the schedule on, wait, switch it off, look. */
function perform(
  hands: Hands,
  host: Host,
  address: number,
  endpoint: number,
  packet: number,
  transfers: readonly Transfer[],
): void {
  const { regs, structures } = host;
  lay(host, address, endpoint, packet, transfers);
  regs.write32(ASYNCLISTADDR, structures.address + HEAD);
  regs.write32(USBCMD, THRESHOLD | RUN | ASYNC);
  const last = transferAt(transfers.length - 1) + 8;
  hands.until('the transfers are done', () => (structures.load32(last) & 0x80) === 0);
  regs.write32(USBCMD, THRESHOLD | RUN);
  hands.until('the schedule has stopped', () => (regs.read32(USBSTS) & ASYNC_RUNS) === 0);
  transfers.forEach((_, index) => hands.expect('errors', structures.load32(transferAt(index) + 8) & 0x7c, 0));
  regs.write32(USBSTS, 0x3f);
}

/** A control transfer with what comes back at 64 of `data`. */
function control(hands: Hands, host: Host, address: number, request: readonly number[], bytes: number): void {
  host.data.store(0, Uint8Array.from(request));
  const stages: Transfer[] = [{ pid: SETUP, bytes: 8, toggle: 0, at: 0 }];
  if (bytes > 0) stages.push({ pid: IN, bytes, toggle: 1, at: 64 });
  stages.push({ pid: bytes > 0 ? OUT : IN, bytes: 0, toggle: 1, at: 0 });
  perform(hands, host, address, 0, 64, stages);
}

const sectorText = (number: number): Uint8Array => Uint8Array.from(Buffer.alloc(SECTOR, `stick sector ${number} `));

/** Enumerates the stick, asks who it is, and reads two sectors. */
function benign(hands: Hands): void {
  const host = start(hands);
  const { data } = host;
  control(hands, host, 0, [0x80, 6, 0, 1, 0, 0, 8, 0], 8);
  hands.expect('device descriptor', data.load(64, 2), Uint8Array.of(18, 1));
  control(hands, host, 0, [0, 5, 1, 0, 0, 0, 0, 0], 0);
  hands.sleep(2);
  control(hands, host, 1, [0x80, 6, 0, 1, 0, 0, 18, 0], 18);
  hands.expect('vendor and product', data.load(72, 4), Uint8Array.of(0xf4, 0x46, 0x01, 0x00));
  control(hands, host, 1, [0, 9, 1, 0, 0, 0, 0, 0], 0);
  const toggles = { in: 0, out: 0 };
  const scsi = (tag: number, command: readonly number[], bytes: number, outcome?: 'may fail'): void => {
    const wrapper = new Uint8Array(31);
    wrapper.set([0x55, 0x53, 0x42, 0x43, tag, 0, 0, 0, bytes & 0xff, bytes >> 8, 0, 0, 0x80, 0, command.length]);
    wrapper.set(command, 15);
    data.store(0, wrapper);
    perform(hands, host, 1, 2, 512, [{ pid: OUT, bytes: 31, toggle: toggles.out, at: 0 }]);
    toggles.out ^= 1;
    if (bytes > 0) perform(hands, host, 1, 1, 512, [{ pid: IN, bytes, toggle: toggles.in, at: 2048 }]);
    toggles.in ^= Math.ceil(bytes / 512) & 1;
    perform(hands, host, 1, 1, 512, [{ pid: IN, bytes: 13, toggle: toggles.in, at: 1024 }]);
    toggles.in ^= 1;
    hands.expect('status of the command', data.load(1024, 5), Uint8Array.of(0x55, 0x53, 0x42, 0x53, tag));
    if (outcome === undefined) hands.expect('success', data.load(1032, 5), new Uint8Array(5));
  };
  scsi(1, [0x12, 0, 0, 0, 36, 0], 36);
  hands.expect('inquiry', data.load(2048 + 8, 4), Uint8Array.from(Buffer.from('QEMU')));
  // A new stick fails one command to report that it was plugged in.
  scsi(2, [0x00, 0, 0, 0, 0, 0], 0, 'may fail');
  scsi(3, [0x28, 0, 0, 0, 0, 5, 0, 0, 2, 0], 2 * SECTOR);
  hands.expect('sector 5', data.load(2048, SECTOR), sectorText(5));
  hands.expect('sector 6', data.load(2048 + SECTOR, SECTOR), sectorText(6));
}

export const EHCI_01: Bug = {
  id: 'ehci-01',
  part: 'USB 2.0 host controller (EHCI), Intel ICH9',
  effect: 'crash',
  board: {
    program: 'qemu-system-x86_64',
    machine: 'q35',
    memoryMiB: 64,
    arguments: [
      ...['-device', 'ich9-usb-ehci1,id=usb', '-drive', `if=none,id=stick,format=raw,file=${DISK}`],
      ...['-device', 'usb-storage,bus=usb.0,drive=stick'],
    ],
    disk: () => Buffer.concat(Array.from({ length: SECTORS }, (_, number) => sectorText(number))),
    pci: { vendor: 0x8086, device: 0x293a },
    dma: { base: 16 << 20, sizeBytes: 16 << 20 },
  },
  specification: 'drivers/cve/ehci/ehci.dss',
  settleMs: 1500,
  attacks: [
    {
      name: 'everything in order, and one transfer of packet id 3',
      cves: ['CVE-2024-8354'],
      refusedBy: 'this packet id is reserved',
      run: (hands) => {
        const host = start(hands);
        lay(host, 0, 1, 512, [{ pid: RESERVED, bytes: 0, toggle: 0, at: 0 }]);
        host.regs.write32(ASYNCLISTADDR, host.structures.address + HEAD);
        host.regs.write32(USBCMD, THRESHOLD | RUN | ASYNC);
        return undefined;
      },
    },
    {
      name: 'a proper ring, left while it runs for one with such a transfer',
      refusedBy: 'the asynchronous list moves while its schedule is off',
      run: (hands) => {
        const host = start(hands);
        lay(host, 0, 1, 512, [{ pid: RESERVED, bytes: 0, toggle: 0, at: 0 }]);
        // An idle ring elsewhere: a queue head without transfers.
        const idle = host.structures.address + 0x800;
        host.structures.store32(0x800, idle | 2, (64 << 16) | (1 << 15) | (2 << 12), 1 << 30, 0, END, END, 0);
        host.regs.write32(ASYNCLISTADDR, idle);
        host.regs.write32(USBCMD, THRESHOLD | RUN | ASYNC);
        hands.until('the schedule runs', () => (host.regs.read32(USBSTS) & ASYNC_RUNS) !== 0);
        host.regs.write32(ASYNCLISTADDR, host.structures.address + HEAD);
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug: 'A packet id that is none becomes a token of 0; the look-up of the endpoint asserts that it is IN or OUT.',
    rule: 'The packet id 11b is reserved; the list is programmed, aligned to 32 bytes, before the schedule is enabled, and stays.',
    benign:
      'reset, port reset, enumeration of a stick by control transfers; inquiry and two sectors by bulk transfers, compared',
    sources: [
      'Intel, EHCI Specification 1.0: 2.3.7, 3.5 (table 3-16), 4.8',
      'HexHive/virtfuzz-bugs, bug-reports/ehci-01.md. That this is CVE-2024-8354 is recalled, not checked',
    ],
  },
};

export const EHCI_BUFFERS: Bug = {
  ...EHCI_01,
  id: 'ehci-buffers',
  effect: 'silent',
  settleMs: 300,
  attacks: [
    {
      name: 'a transfer into a place where no memory is',
      cves: ['CVE-2020-25084', 'CVE-2020-25723'],
      refusedBy: 'a buffer is outside the memory the controller may write',
      run: (hands) => {
        const host = start(hands);
        const elsewhere = 0xf000_0000 - host.data.address;
        lay(host, 0, 0, 64, [{ pid: IN, bytes: 64, toggle: 0, at: elsewhere }]);
        host.regs.write32(ASYNCLISTADDR, host.structures.address + HEAD);
        host.regs.write32(USBCMD, THRESHOLD | RUN | ASYNC);
        return undefined;
      },
    },
  ],
  note: {
    ...EHCI_01.note,
    bug: 'A buffer that cannot be mapped was not noticed, and the packet used all the same. Fixed in QEMU 7.2.',
    rule: 'Every byte that a transfer moves lies in memory that was granted for it.',
    sources: ['Intel, EHCI Specification 1.0, 3.5; QEMU changelogs for both CVEs, from their short descriptions'],
  },
};
