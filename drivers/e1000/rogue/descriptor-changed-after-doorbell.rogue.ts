/**
 * Shows the monitor a good descriptor and the card a bad one: publishes it, then rewrites its address.
 *
 * The receive ring serves, since the card leaves those descriptors alone until a frame comes. Without a monitor that
 * freezes published descriptors, check and use see different addresses, and the next frame lands in foreign memory.
 * Must be refused by the rule on stores into command memory: what the device owns is not rewritten.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.rings.rxRing.write32(0, outsideEveryGrant(rig) % 2 ** 32);
    },
  });
