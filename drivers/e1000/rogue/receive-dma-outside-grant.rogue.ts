/**
 * Receives into memory that is not its own: a receive descriptor points just above everything this driver was granted.
 *
 * Without a monitor the next frame from the network overwrites the kernel's or another driver's memory.
 * Must be refused by the rule on RDT: each new descriptor's buffer lies in memory granted for the device to write.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { descriptor } from '../driver-setup.ts';
import * as r from '../registers.ts';
import { outsideEveryGrant, programAll, rogue } from './honest-setup.ts';
import { enableEngines } from '../driver-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    bringUp(rig) {
      programAll(rig);
      enableEngines(io);
    },
    attack(rig) {
      rig.rings.rxRing.copyIn(0, descriptor(outsideEveryGrant(rig), 0));
      io.write32(r.BAR_REGISTERS, r.RDT, 1);
    },
  });
