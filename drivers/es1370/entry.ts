/** Ensoniq's ES1370, for all that run devices by name. */
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking } from '../backing/qemu/index.ts';
import { audioExercise } from '../class/audio-exercise.ts';
import { audioWork } from '../class/audio-work.ts';
import type { DeviceEntry } from '../device-entry.ts';
import { es1370Model } from './model.ts';
import { ES1370_ROGUES } from './rogue/catalogue.ts';

export const ES1370: DeviceEntry = {
  name: 'es1370',
  title: 'Ensoniq AudioPCI ES1370',
  classes: ['audio'],
  specification: 'drivers/es1370/es1370.dss',
  excerpt: { from: 'if v.DAC2_EN {', title: 'what must be true when a channel is switched on' },
  program: 'dist/drivers/es1370/driver.program.js',
  model: es1370Model,
  backings: {
    qemu: () => qemuBacking({ device: 'es1370' }),
    model: () => modelBacking(es1370Model),
  },
  rogues: ES1370_ROGUES,
  shownRogue: 'one-word-past-grant',
  work: audioWork,
  exercise: audioExercise,
};
