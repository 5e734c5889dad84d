/**
 * Reprograms BAR 0, so that the controller answers at other ports.
 *
 * Without a monitor the device lies over another's ports, and rules about offsets mean nothing.
 * Must be refused because only the platform places BARs.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(io.CONFIG, 0x10, 0xc001);
    },
  });
