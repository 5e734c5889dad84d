/**
 * What a compiled monitor is to those who run it: the operations it judges and the verdicts it gives.
 *
 * The kernel and every emitted monitor agree on this file alone. It holds no language, no interpreter and no device.
 * A monitor is a deterministic state machine: the same operations in the same order give the same verdicts.
 * Every call either is allowed, and then commits all its effects on the monitor's state, or is denied and changes nothing.
 */

/**
 * Where a register lives. 0..5 are the device's own BARs, so a specification never depends on where they are mapped.
 * `config` is the device's PCI configuration space. What lies at one place for good is named by its place: fixed (legacy)
 * x86 ports, as of an IDE disk, and the addresses below 4 GiB of a part that is soldered to its bus, as in a chip for phones.
 */
export type Space = number;
export const CONFIG_SPACE = 6;
export const PORT_SPACE = 7;
export const MEMORY_SPACE = 8;

/** "BAR0", "config", "port" or "memory", as people write it. */
export function spaceName(space: Space): string {
  if (space === CONFIG_SPACE) return 'config';
  if (space === PORT_SPACE) return 'port';
  if (space === MEMORY_SPACE) return 'memory';
  return `BAR${space}`;
}

/** Bytes in one access. */
export type Width = 1 | 2 | 4 | 8;

/**
 * What a piece of DMA memory was granted for. A grant may carry several.
 *  - `commands`: the device fetches descriptors from it, so the RVM vets every store into it
 *  - `reads`: the device may read data from it (a transmit buffer)
 *  - `writes`: the device may write data to it (a receive buffer)
 */
export const GRANT_COMMANDS = 1;
export const GRANT_READS = 2;
export const GRANT_WRITES = 4;
/** Command memory may also belong to a pool: each pool of a specification has one of these further bits, in order. */
export const GRANT_FIRST_POOL = 8;
/** So that all purposes are one byte. */
export const POOLS_MAX = 5;
export const ALL_POOLS = 0xf8;

/** Grants end below this address (2^52, the architectural limit of x86-64 physical addresses), so a number holds each exactly. */
export const ADDRESS_LIMIT = 2 ** 52;
/** A monitor holds at most this many live grants; one more is denied. */
export const GRANTS_MAX = 64;

/**
 * `ALLOWED`; or the positive number of the rule that refused, an index into `MonitorInfo.rules`; or, below zero, minus the
 * number of a rule that allowed the operation with a note (`log`) or with another value (`clamp`: see `Monitor.value`).
 */
export type Verdict = number;
export const ALLOWED = 0;
/** BARs that a monitor can be told of. */
export const BARS_MAX = 6;

/** What the RVM does when a rule refuses. The default is `fault`: deny, stop the driver, reset the device. */
export type ViolationAction = 'deny' | 'fault' | 'clamp' | 'log';

/** One clause that can refuse an operation: its plain-words reason and its place in the specification. */
export interface Rule {
  readonly reason: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units. */
  readonly column: number;
  /** The text of the clause itself, or of the declaration that stands behind a default denial. */
  readonly text: string;
  readonly action: ViolationAction;
}

/** `drivers/e1000/e1000.dss:66:21`. */
export function rulePlace(rule: Rule): string {
  return `${rule.file}:${rule.line}:${rule.column}`;
}

/**
 * The descriptors that the device will read. `address` and `length` always lie inside one live `commands` grant.
 * The bytes are copied into `target` at `at`: the monitor checks that private copy, never the shared memory.
 * Returns false if the memory cannot be read; the operation is then denied.
 */
export interface DescriptorMemory {
  /**
   * @param frozen these are entries of a ring, or of a table where a `frozen` range begins. The specification says when the device
   *   owns them, and a store into them is denied then: so what a driver was allowed to store stays as it is until the device can
   *   come to own it, and a memory that knows what was stored may answer from that. Never true of other tables, lists and pools.
   */
  fetch(address: number, length: number, target: Uint8Array, at: number, frozen?: boolean): boolean;
  /**
   * The same, as the store that is being judged will leave the memory. Asked only during `Monitor.store`, and only by
   * monitors with pools; a memory that cannot tell may be without.
   */
  stored?(address: number, length: number, target: Uint8Array, at: number): boolean;
}

/** Memory whose every structure keeps the rules of its pool at all times, for devices that need no doorbell to look at it. */
export interface PoolInfo {
  readonly name: string;
  /** Its bit among the purposes of a grant; such a grant is also for commands. */
  readonly purpose: number;
  /** Structures lie at multiples of their size. */
  readonly structureBytes: number;
  /** The 32-bit word that new memory of the pool is filled with, before the driver has it: structures begin legal. */
  readonly filled: number;
}

/** One step that the RVM takes by itself to silence or reset the device. Executed in order, on the device, unvetted. */
export type DeviceStep =
  | {
      readonly step: 'write';
      readonly space: Space;
      readonly offset: number;
      readonly width: Width;
      readonly value: number;
    }
  | { readonly step: 'read'; readonly space: Space; readonly offset: number; readonly width: Width }
  | {
      readonly step: 'wait';
      readonly space: Space;
      readonly offset: number;
      readonly width: Width;
      /** Wait until `(register & mask) === equals`. */
      readonly mask: number;
      readonly equals: number;
      readonly timeoutUs: number;
    }
  | { readonly step: 'delay'; readonly us: number };

/** How the RVM handles the device's interrupt. The automaton itself is part of the monitor's state. */
export interface InterruptPlan {
  /** Time the driver has to prove cause and acknowledge, before the check that may deny. */
  readonly deadlineUs: number;
  /** Executed to silence the device when its driver dies. */
  readonly mask: readonly DeviceStep[];
}

/** A register whose value says how far the device has come; the RVM may read it before it believes a denial by ownership. */
export interface ProgressRegister {
  readonly space: Space;
  readonly offset: number;
  readonly width: Width;
}

export interface BarInfo {
  readonly bar: number;
  readonly kind: 'memory' | 'ports';
  readonly sizeBytes: number;
}

/** What the register file says about one register; for messages, decoding traces and reference pages. */
export interface RegisterInfo {
  readonly name: string;
  readonly space: Space;
  readonly offset: number;
  /** Width of the register itself, in bytes. */
  readonly width: Width;
  /** Number of elements (1 for a plain register) and distance between them in bytes. */
  readonly count: number;
  readonly stride: number;
  readonly access: 'ro' | 'wo' | 'rw' | 'w1c' | 'rc' | 'platform';
}

/** Everything about a monitor that does not change while it runs. Plain data. */
export interface MonitorInfo {
  readonly device: string;
  /** SHA-256 of the specification's text, hexadecimal. */
  readonly specificationHash: string;
  readonly pci: readonly { readonly vendor: number; readonly device: number }[];
  readonly bars: readonly BarInfo[];
  readonly registers: readonly RegisterInfo[];
  /** rules[0] is a placeholder, so that a verdict indexes this table. */
  readonly rules: readonly Rule[];
  /** Each machine's name and the names of its states, in the order of `Monitor.states()`. */
  readonly machines: readonly { readonly name: string; readonly states: readonly string[] }[];
  readonly interrupt: InterruptPlan | undefined;
  readonly progress: readonly ProgressRegister[];
  readonly reset: readonly DeviceStep[];
  readonly pools: readonly PoolInfo[];
  /** Names of the scalar state variables, in the order of `Monitor.snapshot()`. */
  readonly variables: readonly string[];
}

/**
 * A running monitor. Values are unsigned: `lo` is the low 32 bits and `hi` the high 32 bits of what is read or written
 * (`hi` is 0 for accesses of up to 4 bytes). `nowUs` is a monotonic time in microseconds, below 2^53.
 * No call allocates when it allows.
 */
export interface Monitor {
  readonly info: MonitorInfo;
  /** A register is about to be read. */
  read(space: Space, offset: number, width: Width, nowUs: number): Verdict;
  /** A register was read and gave this value; a denial keeps the value from the driver. */
  report(space: Space, offset: number, width: Width, lo: number, hi: number, nowUs: number): Verdict;
  /** A register is about to be written. */
  write(space: Space, offset: number, width: Width, lo: number, hi: number, nowUs: number): Verdict;
  /**
   * The driver is about to store `length` bytes at the device address `address` of a `commands` grant, and of no other.
   * @param pools which pools' rules may apply, where a place belongs to several: a trace does not tell its grants. Default: all
   */
  store(address: number, length: number, nowUs: number, pools?: number): Verdict;
  /** DMA memory is registered. Denied: table full, empty, beyond ADDRESS_LIMIT, over a live grant or over a placed BAR. */
  grant(address: number, length: number, purposes: number): Verdict;
  /** The platform has mapped a memory BAR there (length 0: unmapped). Denied: not a BAR, or over a grant. */
  place(bar: number, address: number, length: number): Verdict;
  /** Time has come to `nowUs` without an operation: deadlines are checked. */
  tick(nowUs: number): Verdict;
  /** The device raised its interrupt. */
  interrupt(nowUs: number): Verdict;
  /** The interrupt's deadline came, or the driver says that it is done with it. Denied: cause not read, or not acknowledged. */
  check(nowUs: number): Verdict;
  /** What the last write or report that was allowed with a note is to deliver: low 32 bits, and high. */
  valueLo(): number;
  valueHi(): number;
  /** The device has been reset: all state and all grants return to their beginnings. Placed BARs stay. */
  reset(): void;
  /** The state of every machine, by index into `info.machines[i].states`. Allocates: for reports, not for the hot path. */
  states(): number[];
  /** Every state variable as an exact integer: scalars, then the elements of each array. Allocates: for reports and tests. */
  snapshot(): bigint[];
}

/** What an emitted monitor module exports. */
export interface MonitorModule {
  readonly info: MonitorInfo;
  readonly createMonitor: (memory: DescriptorMemory) => Monitor;
}

/** Whatever memory can be granted for: where it is not known what a driver was granted what for. */
export function everyPurpose(info: MonitorInfo): number {
  const pools = info.pools.reduce((all, { purpose }) => all | purpose, 0);
  return GRANT_COMMANDS | GRANT_READS | GRANT_WRITES | pools;
}

/** The state of a monitor in words: `tx=Running rx=Off`. */
export function describeStates(monitor: Monitor): string {
  const states = monitor.states();
  return monitor.info.machines
    .map((machine, index) => `${machine.name}=${machine.states[states[index] ?? 0] ?? '?'}`)
    .join(' ');
}

/** The register that an access touches first, as the specification names it: `TDT` or `MTA[3]`; undefined if none. */
export function registerAt(info: MonitorInfo, space: Space, offset: number): string | undefined {
  for (const register of info.registers) {
    if (register.space !== space) continue;
    const into = offset - register.offset;
    if (into < 0 || into >= register.stride * (register.count - 1) + register.width) continue;
    const index = Math.floor(into / register.stride);
    if (into - index * register.stride >= register.width) continue;
    return register.count === 1 ? register.name : `${register.name}[${index}]`;
  }
  return undefined;
}
