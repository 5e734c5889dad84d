/**
 * The honest beginning that every rogue AC'97 driver shares: exactly what the real driver does until sound is played.
 * `rogue` wakes the codec, plays the first four of its buffers, and attacks (`drivers/rogue/honest-frame.ts`).
 */
import type { DeviceIo, DmaRegion, DriverEntries } from '../../../kernel/abi.ts';
import { attackWhenUp, type Attack } from '../../rogue/honest-frame.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';

export { allocateIsolated, outsideEveryGrant } from '../../rogue/foreign-memory.ts';

export const BUFFER_BYTES = 1024;
export const BUFFER_SAMPLES = BUFFER_BYTES / r.SAMPLE_BYTES;
const WAKE_US = 10_000;
/** The last valid index of the honest part. */
export const LAST = 3;

/** A controller that is up, and the memory it uses. */
export interface Rig {
  readonly io: DeviceIo;
  readonly list: DmaRegion;
  readonly sound: DmaRegion;
  /** Every region that this driver was granted. */
  readonly regions: DmaRegion[];
}

export interface Rogue extends Attack<Rig> {
  /** In place of playing: for attacks on that order itself. */
  play?(rig: Rig): void;
}

export function rogue(io: DeviceIo, behaviour: Rogue): DriverEntries {
  const list = io.allocate(r.BUFFERS_MAX * r.BUFFER_SIZE_BYTES, 'commands');
  const sound = io.allocate(r.BUFFERS_MAX * BUFFER_BYTES, 'device-reads');
  const rig: Rig = { io, list, sound, regions: [list, sound] };
  return attackWhenUp(rig, behaviour, {
    begin() {
      setup.enableBusMaster(io);
      setup.resetEngines(io);
      setup.wakeLink(io);
      return WAKE_US;
    },
    work() {
      setup.programCodec(io);
      (behaviour.play ?? play)(rig);
    },
    acknowledge: () => acknowledgeAll(rig),
  });
}

export function acknowledgeAll({ io }: Rig): void {
  io.read32(r.BAR_BUS_MASTER, r.GLOB_STA);
  for (const engine of [r.PCM_IN, r.PCM_OUT]) setup.acknowledge(io, engine);
}

/** Fills the whole list with buffers of its own, and plays the first four. */
export function play(rig: Rig): void {
  for (let index = 0; index < r.BUFFERS_MAX; index += 1) fill(rig, index, rig.sound.address + index * BUFFER_BYTES);
  setup.runEngine(rig.io, r.PCM_OUT, rig.list, LAST);
}

export function fill(rig: Rig, index: number, address: number, samples = BUFFER_SAMPLES): void {
  setup.fillEntry(rig.list, index, address, samples);
}

/** Records into one buffer at `address`, as an honest driver would if the memory were its own. */
export function record({ io, regions }: Rig, address: number): void {
  const list = io.allocate(r.BUFFERS_MAX * r.BUFFER_SIZE_BYTES, 'commands');
  regions.push(list);
  setup.fillEntry(list, 0, address, BUFFER_SAMPLES);
  setup.runEngine(io, r.PCM_IN, list, 0);
}

/** Stops PCM out and plays one buffer, as an honest driver would if the memory were its own. */
export function playOnly(rig: Rig, address: number, samples = BUFFER_SAMPLES): void {
  setup.resetEngine(rig.io, r.PCM_OUT);
  fill(rig, 0, address, samples);
  setup.runEngine(rig.io, r.PCM_OUT, rig.list, 0);
}

/** A register of PCM out. */
export const out = (register: number): number => setup.engineRegister(r.PCM_OUT, register);
