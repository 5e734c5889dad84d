/**
 * A trace as its driver acted, where the recorder saw something else.
 *
 * Recorders inside an emulator write down what the device model sees: an access may have been split into halves, or widened
 * to the smallest that the model takes, and of two BARs with the same registers either may be named. Recorders beside a driver may know only the absolute address of a port. Both are
 * taken back here as far as the register file tells what was meant; whatever stays unclear is passed on unchanged, to be
 * judged as it stands. Accesses that a recorder saw at the driver's side keep their widths.
 */
import { CONFIG_SPACE, type MonitorInfo, type RegisterInfo } from '../../dsslang/index.ts';
import type { TraceLine } from './format.ts';

type RegisterAccess = Extract<TraceLine, { kind: 'read' | 'write' }>;

const isAccess = (line: TraceLine): line is RegisterAccess => line.kind === 'read' || line.kind === 'write';

/** PCI configuration: six base addresses from here on, of 4 bytes each. */
const FIRST_BAR = 0x10;
const ALL_ONES = 0xffff_ffffn;

/** @param ours the PCI function that the specification is about, where the trace tells */
export async function* asDriven(
  lines: AsyncIterable<TraceLine>,
  info: MonitorInfo,
  ours: string | undefined,
): AsyncGenerator<TraceLine> {
  const bases = new Map<number, number>();
  /** The first half of an access that may go on in the next line. */
  let half: RegisterAccess | undefined;
  for await (const raw of lines) {
    if (raw.kind === 'config-write' && (raw.bdf === undefined || raw.bdf === ours)) noteBar(raw, bases);
    const line = isAccess(raw) ? throughItsDoor(placed(raw, bases, info), info) : raw;
    if (half !== undefined) {
      const whole = isAccess(line) ? joined(half, line) : undefined;
      yield whole ?? half;
      half = undefined;
      if (whole !== undefined) continue;
    }
    if (!isAccess(line) || !line.seenByDevice) yield line;
    else if (isFirstHalf(line, info)) half = line;
    else yield narrowed(line, info);
  }
  if (half !== undefined) yield half;
}

/** A base address as it is programmed; what is written to size a BAR is none. */
function noteBar(
  write: Extract<TraceLine, { kind: 'config-read' | 'config-write' }>,
  bases: Map<number, number>,
): void {
  const bar = (write.offset - FIRST_BAR) / 4;
  if (!Number.isInteger(bar) || bar < 0 || bar >= CONFIG_SPACE || write.value === ALL_ONES) return;
  bases.set(bar, Number(write.value & ((write.value & 1n) === 1n ? 0xffff_fffcn : 0xffff_fff0n)));
}

/** An absolute address inside one of the device's BARs becomes an offset there. */
function placed(access: RegisterAccess, bases: ReadonlyMap<number, number>, info: MonitorInfo): RegisterAccess {
  if (access.bar !== undefined) return access;
  for (const { bar, sizeBytes } of info.bars) {
    const into = access.offset - (bases.get(bar) ?? Infinity);
    if (into >= 0 && into < sizeBytes) return { ...access, bar, offset: into };
  }
  return access;
}

/**
 * Two BARs may be two doors to one register file. Inside the device model they look the same, and a recorder there names
 * either; where the specification has registers behind one of them only, that is the one.
 */
function throughItsDoor(access: RegisterAccess, info: MonitorInfo): RegisterAccess {
  const hasRegisters = (bar: number): boolean => info.registers.some(({ space }) => space === bar);
  if (!access.seenByDevice || access.bar === undefined || hasRegisters(access.bar)) return access;
  const named = info.bars.find(({ bar }) => bar === access.bar);
  const doors = info.bars.filter(({ bar, sizeBytes }) => sizeBytes === named?.sizeBytes && hasRegisters(bar));
  return doors.length === 1 && doors[0] !== undefined ? { ...access, bar: doors[0].bar } : access;
}

/** The registers that begin at the place of an access. */
function registersAt(access: RegisterAccess, info: MonitorInfo): readonly RegisterInfo[] {
  return info.registers.filter(({ space, offset, stride, count }) => {
    const into = access.offset - offset;
    return space === access.bar && into >= 0 && into % stride === 0 && into / stride < count;
  });
}

/** Does a register begin here that is twice as wide, and none of this width? */
function isFirstHalf(access: RegisterAccess, info: MonitorInfo): boolean {
  const registers = registersAt(access, info);
  return registers.length > 0 && registers.every(({ width }) => width === 2 * access.width);
}

function joined(low: RegisterAccess, high: RegisterAccess): RegisterAccess | undefined {
  const goesOn = high.kind === low.kind && high.bar === low.bar && high.width === low.width;
  if (!goesOn || high.bdf !== low.bdf || high.offset !== low.offset + low.width) return undefined;
  const width = low.width === 1 ? 2 : low.width === 2 ? 4 : 8;
  return { ...low, width, value: low.value | (high.value << BigInt(8 * low.width)) };
}

/** An access that reaches beyond the only register that begins there was widened, if nothing but it was written. */
function narrowed(access: RegisterAccess, info: MonitorInfo): RegisterAccess {
  const registers = registersAt(access, info);
  const width = Math.max(0, ...registers.map((register) => register.width));
  if (width === 0 || width >= access.width) return access;
  const value = BigInt.asUintN(8 * width, access.value);
  if (access.kind === 'write' && value !== access.value) return access;
  return { ...access, width: width as 1 | 2 | 4, value };
}
