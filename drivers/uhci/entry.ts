/** The UHCI with a mouse and a disk, for all that run devices by name. */
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking } from '../backing/qemu/index.ts';
import type { DeviceEntry } from '../device-entry.ts';
import { uhciModel, uhciModelOptions } from './model.ts';
import { UHCI_ROGUES } from './rogue/catalogue.ts';
import { uhciExercise, uhciWork } from './work.ts';

export const UHCI: DeviceEntry = {
  name: 'uhci',
  title: 'Intel UHCI USB controller, with a mouse and a disk',
  classes: ['input', 'block'],
  specification: 'drivers/uhci/uhci.dss',
  excerpt: { from: 'if t.token.PID == PID_IN {', title: 'what an active transfer descriptor may do, at every store' },
  program: 'dist/drivers/uhci/driver.program.js',
  model: uhciModel,
  backings: {
    qemu: () => qemuBacking({ device: 'uhci' }),
    model: () => modelBacking(uhciModel, { model: uhciModelOptions() }),
  },
  rogues: UHCI_ROGUES,
  shownRogue: 'one-byte-past-grant',
  work: uhciWork,
  exercise: uhciExercise,
  modelOptions: uhciModelOptions,
};
