/**
 * Reprograms BAR 1, so that the bus masters answer at other ports.
 *
 * Without a monitor the device lies over another's ports, and rules about offsets mean nothing.
 * Must be refused because only the platform places BARs.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(io.CONFIG, 0x14, 0xc001);
    },
  });
