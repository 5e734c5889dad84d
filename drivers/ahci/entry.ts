/** The ICH9's AHCI controller with a disk, for all that run devices by name. */
import { blankMedium } from '../ata/model-medium.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking } from '../backing/qemu/index.ts';
import { blockExercise } from '../class/block-exercise.ts';
import { blockWork } from '../class/block-work.ts';
import type { DeviceEntry } from '../device-entry.ts';
import { ahciModel } from './model.ts';
import { AHCI_ROGUES } from './rogue/catalogue.ts';

export const AHCI: DeviceEntry = {
  name: 'ahci',
  title: 'Intel ICH9 AHCI controller with a SATA disk',
  classes: ['block'],
  specification: 'drivers/ahci/ahci.dss',
  excerpt: { from: 'for p in Region', title: 'what each region of a command must be before it is issued' },
  program: 'dist/drivers/ahci/driver.program.js',
  model: ahciModel,
  backings: {
    qemu: () => qemuBacking({ device: 'ahci' }),
    model: () => modelBacking(ahciModel, { model: blankMedium() }),
  },
  rogues: AHCI_ROGUES,
  shownRogue: 'region-one-word-past-grant',
  work: blockWork,
  exercise: blockExercise,
  modelOptions: () => blankMedium(),
};
