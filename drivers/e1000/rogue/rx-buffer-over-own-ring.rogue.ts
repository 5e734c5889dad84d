/**
 * Lets the network write its descriptors: a receive buffer that is this driver's own receive ring.
 *
 * Every address is the driver's own. Yet without a monitor whoever sends a frame chooses the addresses of the next
 * descriptors, which nobody vets, because no store of the driver's put them there.
 * Must be refused by the rule on RDT: command memory is not granted for the device to write data to.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { descriptor, enableEngines } from '../driver-setup.ts';
import * as r from '../registers.ts';
import { programAll, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    bringUp(rig) {
      programAll(rig);
      enableEngines(io);
    },
    attack(rig) {
      rig.rings.rxRing.copyIn(0, descriptor(rig.rings.rxRing.address, 0));
      io.write32(r.BAR_REGISTERS, r.RDT, 1);
    },
  });
