/**
 * Records into memory that is not its own.
 *
 * Without a monitor whoever speaks into the microphone writes the kernel's or another driver's memory.
 * Must be refused by the rule on CONTROL: a buffer that is recorded into lies in memory granted for the device to write.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { BUFFER_BYTES, outsideEveryGrant, record, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      record(rig, outsideEveryGrant(rig), BUFFER_BYTES);
    },
  });
