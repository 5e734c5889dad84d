/**
 * Writes a tail that lies outside the ring.
 *
 * Without a monitor head and tail never meet: the card runs around the ring and sends every stale descriptor it finds.
 * Must be refused by the rule on TDT: the tail is an index inside the ring.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { RING_COUNT, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR_REGISTERS, r.TDT, RING_COUNT);
    },
  });
