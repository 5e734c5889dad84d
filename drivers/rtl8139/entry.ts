/** The RTL8139C+, for all that run devices by name. */
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking } from '../backing/qemu/index.ts';
import { networkExercise } from '../class/network-exercise.ts';
import { networkWork } from '../class/network-traffic.ts';
import type { DeviceEntry } from '../device-entry.ts';
import { rtl8139Model } from './model.ts';
import { RTL8139_ROGUES } from './rogue/catalogue.ts';

export const RTL8139: DeviceEntry = {
  name: 'rtl8139',
  title: 'Realtek RTL8139C+ fast Ethernet controller',
  classes: ['network'],
  specification: 'drivers/rtl8139/rtl8139.dss',
  excerpt: {
    from: 'pool receive : ReceiveDescriptor',
    title: 'what a receive descriptor is, whenever the card may look at it',
  },
  program: 'dist/drivers/rtl8139/driver.program.js',
  model: rtl8139Model,
  backings: {
    qemu: () => qemuBacking({ device: 'rtl8139' }),
    model: () => modelBacking(rtl8139Model),
  },
  rogues: RTL8139_ROGUES,
  shownRogue: 'receive-one-byte-past-grant',
  work: networkWork,
  exercise: networkExercise,
};
