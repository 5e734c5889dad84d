/** The PIIX3's IDE controller with a disk, for all that run devices by name. */
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking } from '../backing/qemu/index.ts';
import { blockExercise } from '../class/block-exercise.ts';
import { blockWork } from '../class/block-work.ts';
import type { DeviceEntry } from '../device-entry.ts';
import { blankMedium } from '../ata/model-medium.ts';
import { ideModel } from './model.ts';
import { IDE_ROGUES } from './rogue/catalogue.ts';

export const IDE: DeviceEntry = {
  name: 'ide',
  title: 'Intel PIIX3 bus master IDE controller with a disk',
  classes: ['block'],
  specification: 'drivers/ide/ide.dss',
  excerpt: { from: 'for region in Region', title: 'what each region of a table must be before a bus master starts' },
  program: 'dist/drivers/ide/driver.program.js',
  model: ideModel,
  backings: {
    qemu: () => qemuBacking({ device: 'ide' }),
    model: () => modelBacking(ideModel, { model: blankMedium() }),
  },
  rogues: IDE_ROGUES,
  shownRogue: 'region-one-word-past-grant',
  work: blockWork,
  exercise: blockExercise,
  modelOptions: () => blankMedium(),
};
