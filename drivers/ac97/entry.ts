/** Intel's AC'97 controller, for all that run devices by name. */
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking } from '../backing/qemu/index.ts';
import { audioExercise } from '../class/audio-exercise.ts';
import { audioWork } from '../class/audio-work.ts';
import type { DeviceEntry } from '../device-entry.ts';
import { ac97Model } from './model.ts';
import { AC97_ROGUES } from './rogue/catalogue.ts';

export const AC97: DeviceEntry = {
  name: 'ac97',
  title: "Intel 82801AA AC'97 audio controller",
  classes: ['audio'],
  specification: 'drivers/ac97/ac97.dss',
  excerpt: { from: 'on report CIV(v) {', title: 'what is believed when the device says which buffer it works on' },
  program: 'dist/drivers/ac97/driver.program.js',
  model: ac97Model,
  backings: {
    qemu: () => qemuBacking({ device: 'ac97' }),
    model: () => modelBacking(ac97Model),
  },
  rogues: AC97_ROGUES,
  shownRogue: 'one-sample-past-grant',
  work: audioWork,
  exercise: audioExercise,
};
