/**
 * Everything that the AC'97 model remembers, laid out in one shared buffer. This file holds no behaviour.
 */
import { SAID_MAX_BYTES } from '../backing/model/sound-ends.ts';
import { layOut } from '../backing/model/state-layout.ts';
import * as r from './registers.ts';

/**
 * Where the data sheet and QEMU part ways, this says whom the model follows.
 *  - `data-sheet`: an engine that is told to run goes on where it paused; GLOB_CNT shows what was written, and a cold reset
 *    resets the engines
 *  - `qemu-7.2`: an engine that is told to run begins with the entry at PIV, also if it runs already; GLOB_CNT keeps what is
 *    written with neither reset bit set, and resets nothing (read in QEMU's behaviour and measured)
 */
export type Personality = 'data-sheet' | 'qemu-7.2';

export const MIXER_REGISTERS = 128;
export const STATE_SIZE_BYTES = 4096 + SAID_MAX_BYTES;

/** `pointer`, `control`: of the current buffer; `fetched`: whether there is one. */
const ENGINE_FIELDS = ['bdbar', 'civ', 'lvi', 'sr', 'picb', 'piv', 'cr', 'pointer', 'control', 'fetched'] as const;
/** `sticky`: bits of GLOB_STA that are only written. */
const GLOBAL_FIELDS = ['initialised', 'line', 'globCnt', 'sticky', 'cas'] as const;

export interface EngineState extends Record<(typeof ENGINE_FIELDS)[number], number> {
  /** Since when it runs, in microseconds, and how many samples it has moved since: its clock. */
  readonly clock: Float64Array;
}

export interface Ac97State {
  readonly config: Uint8Array;
  /** Words, by register divided by 2. */
  readonly mixer: Uint16Array;
  readonly engines: readonly EngineState[];
  readonly global: Record<(typeof GLOBAL_FIELDS)[number], number>;
  readonly saidCounters: Uint32Array;
  readonly said: Uint8Array;
}

export function ac97State(buffer: ArrayBufferLike): Ac97State {
  const layout = layOut(buffer);
  const config = layout.bytes(256);
  const mixer = layout.halves(MIXER_REGISTERS);
  const engines = Array.from({ length: r.ENGINES }, () =>
    Object.assign(layout.fields(ENGINE_FIELDS), { clock: layout.doubles(2) }),
  );
  const global = layout.fields(GLOBAL_FIELDS);
  return { config, mixer, engines, global, saidCounters: layout.words(2), said: layout.bytes(SAID_MAX_BYTES) };
}
