/** What is plugged into a shielded device on this side, and how this side tells whether the guest did its work. */
import type { FarEnds } from '../../../kernel/index.ts';
import type { PlugName } from '../../backing/qemu/index.ts';

/** The rate of transfers of `bytes` each, from facts `START END` in seconds of the guest's clock. */
export function rateOf(
  facts: ReadonlyMap<string, readonly string[]>,
  bytes: number,
): { readonly bytesPerSecond?: number } {
  const times = facts.get('seconds') ?? [];
  const total = times.reduce((sum, text) => {
    const [from = 0, to = 0] = text.split(' ').map(Number);
    return sum + (to - from);
  }, 0);
  return total > 0 ? { bytesPerSecond: Math.round((bytes * times.length) / total) } : {};
}

/** What is plugged into the device, on this side. */
export interface Outside {
  /** QEMU's arguments before the device, and properties of the device. */
  readonly arguments: readonly string[];
  readonly properties: readonly string[];
  /** QEMU's arguments after the device: what sits on its bus. */
  readonly argumentsAfter?: readonly string[];
  /** What the backing knows to plug in by itself. */
  readonly plugs?: readonly PlugName[];
  /** The guest says a fact of this name: the far side may act on it. */
  hear?(name: string, ends: FarEnds): void;
  /**
   * Compares what the guest says with what is known here.
   * @returns what is wrong; empty: the work was done. `summary` is for people.
   */
  judge(facts: ReadonlyMap<string, readonly string[]>): Judgement;
}

export interface Judgement {
  readonly wrong: readonly string[];
  readonly summary: string;
  /** By the guest's clock; absent where nothing is transferred. */
  readonly bytesPerSecond?: number;
}

/** Several things plugged into one device; of the rates, the first. */
export function together(...parts: readonly Outside[]): Outside {
  return {
    arguments: parts.flatMap((part) => part.arguments),
    properties: parts.flatMap((part) => part.properties),
    argumentsAfter: parts.flatMap((part) => part.argumentsAfter ?? []),
    plugs: parts.flatMap((part) => part.plugs ?? []),
    hear: (name, ends) => {
      for (const part of parts) part.hear?.(name, ends);
    },
    judge: (facts) => {
      const judgements = parts.map((part) => part.judge(facts));
      const rate = judgements.find(({ bytesPerSecond }) => bytesPerSecond !== undefined)?.bytesPerSecond;
      return {
        ...(rate === undefined ? {} : { bytesPerSecond: rate }),
        wrong: judgements.flatMap(({ wrong }) => wrong),
        summary: judgements.map(({ summary }) => summary).join('; '),
      };
    },
  };
}
