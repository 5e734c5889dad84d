/**
 * Never returns from an entry, and touches nothing meanwhile: no monitor sees it.
 *
 * In a kernel without preemption the machine stands still.
 * Must be stopped by the kernel's limit on the time of one entry.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import { bare } from './bare.ts';

export default (io: DeviceIo) =>
  bare(io, {
    attack() {
      for (let turns = 0; turns >= 0; turns = (turns + 1) % 1000);
    },
  });
