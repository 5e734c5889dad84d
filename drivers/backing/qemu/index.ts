/** Real devices: QEMU's models behind the kernel's `Backing` interface. */
export { qemuBacking, MEMORY_MAX_BYTES, MEMORY_MIN_BYTES, type QemuBackingOptions } from './backing.ts';
export { KNOWN_DEVICES, type DeviceName, type KnownDevice } from './devices.ts';
export type { PlugName } from './outside/index.ts';
export { debianPackage, qemuVersion } from './programs.ts';
