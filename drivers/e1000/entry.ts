/** The e1000, for all that run devices by name. */
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking } from '../backing/qemu/index.ts';
import { networkExercise } from '../class/network-exercise.ts';
import { networkWork } from '../class/network-traffic.ts';
import type { DeviceEntry } from '../device-entry.ts';
import { e1000Model } from './model.ts';
import { E1000_ROGUES } from './rogue/catalogue.ts';

export const E1000: DeviceEntry = {
  name: 'e1000',
  title: 'Intel 82540EM gigabit Ethernet controller',
  classes: ['network'],
  specification: 'drivers/e1000/e1000.dss',
  excerpt: { from: 'in tx.Running {', title: 'what the driver may do to the transmit tail while the engine runs' },
  program: 'dist/drivers/e1000/driver.program.js',
  model: e1000Model,
  backings: {
    qemu: () => qemuBacking({ device: 'e1000' }),
    model: () => modelBacking(e1000Model),
  },
  rogues: E1000_ROGUES,
  shownRogue: 'one-byte-past-grant',
  work: networkWork,
  exercise: networkExercise,
};
