/**
 * Accesses that are wider than the registers they are to: a write to the configuration space, and a read anywhere.
 *
 * Registers there are bytes, words and double words side by side, and any aligned access to several of them is one to each
 * (PCI Local Bus 3.0, 3.2.2.3.2 and 6.1). Systems make use of it: what Linux read of a function's head it writes back after
 * a suspend or a reset by double words, COMMAND together with STATUS, the latency timer with the header type. The
 * registers are judged one by one, each at its own width; bytes that can only be read ignore what is written to them.
 *
 * Only what is more than one register is taken apart. A part of a register, or nothing but read-only bytes, is passed on as it
 * is: what to think of that is the specification's business.
 *
 * A read that covers whole registers and nothing else looks at each of them: it is judged as so many reads, and what it gave
 * as so many reports. Drivers dump their register files by double words (`ethtool -d`).
 */
import { CONFIG_SPACE, type MonitorInfo, type RegisterInfo, type Space } from '../dsslang/index.ts';

export interface ConfigWrite {
  readonly offset: number;
  readonly width: 1 | 2 | 4;
  readonly value: number;
}

type Width = ConfigWrite['width'];

export interface ReadPart {
  readonly offset: number;
  readonly width: 1 | 2 | 4 | 8;
  /** How far the part's bits lie above the lowest of the read. */
  readonly shift: number;
}

/** @returns the registers that a read looks at, in ascending order; the read itself where it is not exactly several registers */
export function readParts(info: MonitorInfo, space: Space, offset: number, width: 1 | 2 | 4 | 8): readonly ReadPart[] {
  const whole = [{ offset, width, shift: 0 }];
  const parts: ReadPart[] = [];
  for (let at = offset; at < offset + width;) {
    const here = registersAt(info, space, at).filter(({ access }) => access !== 'wo');
    const [only] = here;
    if (only === undefined || here.length > 1 || only.width === width) return whole;
    parts.push({ offset: at, width: only.width, shift: 8 * (at - offset) });
    at += only.width;
    if (at > offset + width) return whole;
  }
  return parts;
}

/** Places whose parts are remembered; more than a driver reads, and all that one which reads everywhere can cost. */
export const PLACES_MAX = 1024;

/** `readParts` for one specification, remembered: to go through all its registers costs more than to judge the read. */
export function createReadParts(
  info: MonitorInfo,
): (space: Space, offset: number, width: Width) => readonly ReadPart[] {
  const known = new Map<number, readonly ReadPart[]>();
  return (space, offset, width) => {
    // Spaces are below 16, widths below 8.
    const place = offset * 128 + space * 8 + width;
    let parts = known.get(place);
    if (parts === undefined) {
      parts = readParts(info, space, offset, width);
      if (known.size === PLACES_MAX) known.clear();
      known.set(place, parts);
    }
    return parts;
  };
}

/** The registers that begin at a place. */
function registersAt(info: MonitorInfo, space: Space, at: number): readonly RegisterInfo[] {
  return info.registers.filter((register) => {
    const into = at - register.offset;
    if (register.space !== space || into < 0 || into >= register.stride * register.count) return false;
    return into % register.stride === 0;
  });
}

/** @returns what the write is to each register, in ascending order; never empty */
export function configParts(info: MonitorInfo, write: ConfigWrite): readonly ConfigWrite[] {
  const { offset, width, value } = write;
  const end = offset + width;
  const parts: ConfigWrite[] = [];
  for (let at = offset; at < end;) {
    const here = writableAt(info, at);
    if (here === undefined) {
      at += 1;
      continue;
    }
    const { register, first } = here;
    if (first !== at || at + register.width > end) return [write];
    const bytes = register.width as Width;
    const bits = Math.floor(value / 2 ** (8 * (at - offset)));
    parts.push({ offset: at, width: bytes, value: bytes === 4 ? bits : bits % 2 ** (8 * bytes) });
    at += bytes;
  }
  return parts.length === 0 ? [write] : parts;
}

/** The register that a driver or the platform may write at a byte, and where it begins. */
function writableAt(info: MonitorInfo, at: number): { register: RegisterInfo; first: number } | undefined {
  for (const register of info.registers) {
    if (register.space !== CONFIG_SPACE || register.access === 'ro' || register.access === 'rc') continue;
    const into = at - register.offset;
    if (into < 0 || into >= register.stride * register.count) continue;
    if (into % register.stride < register.width) return { register, first: at - (into % register.stride) };
  }
  return undefined;
}
