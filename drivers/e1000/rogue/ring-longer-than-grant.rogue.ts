/**
 * Gives the transmit ring a length of twice its memory: the base is right, the end is not.
 *
 * Without a monitor the second half of the ring is somebody else's memory, read as descriptors.
 * Must be refused by the rule on TCTL (or on the length): the whole ring lies in memory granted for commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { enableEngines } from '../driver-setup.ts';
import * as r from '../registers.ts';
import { allocateIsolated, programAll, rogue } from './honest-setup.ts';

const RING_BYTES = 256;

export default (io: DeviceIo) =>
  rogue(io, {
    bringUp: programAll,
    attack(rig) {
      const ring = allocateIsolated(rig, RING_BYTES, 'commands');
      io.write32(r.BAR_REGISTERS, r.TDBAL, ring.address % 2 ** 32);
      io.write32(r.BAR_REGISTERS, r.TDBAH, Math.floor(ring.address / 2 ** 32));
      io.write32(r.BAR_REGISTERS, r.TDLEN, 2 * RING_BYTES);
      enableEngines(io);
    },
  });
