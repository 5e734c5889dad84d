/** Every kind of plug, by the name that the rows of `devices.ts` use. */
import { diskPlug, sataDiskPlug } from './disk.ts';
import type { Plug } from './plug.ts';
import { quietPlug } from './quiet.ts';
import { soundPlug } from './sound.ts';
import { handPlug, usbDiskPlug } from './usb.ts';
import { wirePlug } from './wire.ts';

export const PLUGS = {
  quiet: quietPlug,
  sound: () => soundPlug(48_000),
  'sound-44100': () => soundPlug(44_100),
  wire: wirePlug,
  disk: diskPlug,
  'sata-disk': sataDiskPlug,
  hand: handPlug,
  'usb-disk': usbDiskPlug,
} as const satisfies Record<string, () => Plug>;

export type PlugName = keyof typeof PLUGS;
