/**
 * Plays buffers of one sample, at the highest rate, each with an interrupt, and acknowledges every one of them as it should.
 *
 * Without a monitor the processor spends its time on this driver's interrupts.
 * Must be refused by the interrupt's rate limit.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { fill, out, rogue } from './honest-setup.ts';

/** Until the next sample is done: a few microseconds. */
const POLLS_MAX = 50;

export default (io: DeviceIo) =>
  rogue(io, {
    interrupt() {
      io.read32(r.BAR_BUS_MASTER, r.GLOB_STA);
      io.write16(r.BAR_BUS_MASTER, out(r.SR), r.SR_CLEAR);
      // And once more around the list.
      setup.publishUpTo(io, r.PCM_OUT, r.BUFFERS_MAX - 1);
      for (let polls = 0; polls < POLLS_MAX && (io.read16(r.BAR_BUS_MASTER, out(r.SR)) & r.SR_BCIS) === 0;) polls += 1;
    },
    attack(rig) {
      setup.resetEngine(io, r.PCM_OUT);
      setup.writeCodec(io, r.FRONT_DAC_RATE, 0xffff);
      for (let index = 0; index < r.BUFFERS_MAX; index += 1) fill(rig, index, rig.sound.address, 1);
      setup.runEngine(io, r.PCM_OUT, rig.list, r.BUFFERS_MAX - 1);
    },
  });
