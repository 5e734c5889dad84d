/**
 * The codec of the AC'97 model (AC'97 2.3, 5.7), a SigmaTel STAC9700 as QEMU presents it: words that are read back through the
 * masks of what exists, rates that may vary once VRA is on, and the volumes that the sound is multiplied with.
 *
 * Inputs other than the recorder's, tone and 3D do not exist: their registers read 0.
 */
import { decibels } from '../backing/model/gain.ts';
import type { Ac97State } from './model-state.ts';
import * as r from './registers.ts';

const RATE_DEFAULT = 48_000;
const STEP_DECIBELS = 1.5;

const RESET_VALUES: readonly (readonly [register: number, value: number])[] = [
  [r.MASTER_VOLUME, r.MUTE],
  [r.PCM_OUT_VOLUME, 0x8808],
  [r.RECORD_GAIN, 0x8808],
  [r.POWERDOWN, r.POWERDOWN_READY],
  [r.EXTENDED_ID, 0x0809],
  [r.EXTENDED_STATUS, r.EXTENDED_VRA | r.EXTENDED_VRM],
  [r.FRONT_DAC_RATE, RATE_DEFAULT],
  [r.SURROUND_DAC_RATE, RATE_DEFAULT],
  [r.LFE_DAC_RATE, RATE_DEFAULT],
  [r.ADC_RATE, RATE_DEFAULT],
  [r.MIC_ADC_RATE, RATE_DEFAULT],
  [r.VENDOR_ID1, 0x8384],
  [r.VENDOR_ID2, 0x7600],
];

/** Bits that are kept of what is written; registers that are not here keep all of them. */
const WRITABLE = new Map<number, number>([
  [r.MASTER_VOLUME, 0xbf3f],
  [r.PCM_OUT_VOLUME, 0x9f1f],
  [r.RECORD_SELECT, 0x0707],
  [r.RECORD_GAIN, 0x8f0f],
  ...[0x04, 0x06, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x14, 0x16, 0x1e, 0x20, 0x22, 0x6c, 0x6e].map(
    (register) => [register, 0] as const,
  ),
  [r.EXTENDED_ID, 0],
  [r.VENDOR_ID1, 0],
  [r.VENDOR_ID2, 0],
]);

export function resetCodec({ mixer }: Ac97State): void {
  mixer.fill(0);
  for (const [register, value] of RESET_VALUES) mixer[register / 2] = value;
}

export function readCodec({ mixer }: Ac97State, register: number): number {
  return mixer[register / 2] ?? 0xffff;
}

export function writeCodec(state: Ac97State, register: number, value: number): void {
  const { mixer } = state;
  const status = readCodec(state, r.EXTENDED_STATUS);
  switch (register) {
    case r.RESET:
      resetCodec(state);
      return;
    case r.POWERDOWN:
      mixer[register / 2] = (value & ~(r.MUTE | r.POWERDOWN_READY)) | (readCodec(state, register) & r.POWERDOWN_READY);
      return;
    case r.EXTENDED_STATUS:
      if ((value & r.EXTENDED_VRA) === 0) {
        mixer[r.FRONT_DAC_RATE / 2] = RATE_DEFAULT;
        mixer[r.ADC_RATE / 2] = RATE_DEFAULT;
      }
      if ((value & r.EXTENDED_VRM) === 0) mixer[r.MIC_ADC_RATE / 2] = RATE_DEFAULT;
      break;
    case r.FRONT_DAC_RATE:
    case r.ADC_RATE:
      if ((status & r.EXTENDED_VRA) === 0) return;
      break;
    case r.MIC_ADC_RATE:
      if ((status & r.EXTENDED_VRM) === 0) return;
      break;
  }
  const writable = WRITABLE.get(register) ?? 0xffff;
  if (writable !== 0) mixer[register / 2] = value & writable;
}

const RATE_REGISTERS = [r.ADC_RATE, r.FRONT_DAC_RATE, r.MIC_ADC_RATE] as const;

/** Frames a second of an engine; 0 if its codec was told so. */
export function rateOf(state: Ac97State, engine: number): number {
  return readCodec(state, RATE_REGISTERS[engine] ?? r.FRONT_DAC_RATE);
}

/** Factors for left and right of what is played. */
export function playbackGain(state: Ac97State): readonly [left: number, right: number] {
  const master = readCodec(state, r.MASTER_VOLUME);
  const pcm = readCodec(state, r.PCM_OUT_VOLUME);
  if (((master | pcm) & r.MUTE) !== 0) return [0, 0];
  const factor = (shift: number): number =>
    decibels(-STEP_DECIBELS * (((master >> shift) & r.ATTENUATION_MASTER_MAX) + pcmSteps(pcm >> shift)));
  return [factor(8), factor(0)];
}

/** PCM_OUT goes from +12 dB to -34.5 dB in the standard; QEMU's is an attenuation like the master's, and this is one too. */
function pcmSteps(value: number): number {
  return value & 0x1f;
}

/** Factors for left and right of what is recorded. */
export function recordGain(state: Ac97State): readonly [left: number, right: number] {
  const gain = readCodec(state, r.RECORD_GAIN);
  if ((gain & r.MUTE) !== 0) return [0, 0];
  return [
    decibels(STEP_DECIBELS * ((gain >> 8) & r.RECORD_GAIN_MAX)),
    decibels(STEP_DECIBELS * (gain & r.RECORD_GAIN_MAX)),
  ];
}
