/** The names of the devices in `devices.ts`, for the command line: it lists them without loading any device. A test compares. */
export const DEVICE_NAMES = ['e1000', 'rtl8139', 'ac97', 'ide', 'uhci', 'es1370', 'ahci'] as const;
