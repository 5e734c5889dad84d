/** The first step of every PCI driver's, whatever its device (PCI 2.3, 6.2.2). */
import type { DeviceIo } from '../../kernel/abi.ts';

const COMMAND = 0x04;
export const PORTS = 0x0001;
export const MEMORY = 0x0002;
const MASTER = 0x0004;

/**
 * The device may answer at its BARs, and may read and write memory by itself.
 *
 * @param spaces where its BARs are: `PORTS`, `MEMORY`, or both
 */
export function enableBusMaster(io: DeviceIo, spaces: number): void {
  io.write16(io.CONFIG, COMMAND, io.read16(io.CONFIG, COMMAND) | spaces | MASTER);
}
