/**
 * A small in-process model of the PIIX3's IDE controller with one drive, the first of the primary channel.
 *
 * It is the device to use where QEMU is absent, and the fast one for campaigns. What a driver sees of it is what a driver
 * sees of QEMU 7.2's; `model-differential.test.ts` compares the two. It models the task file, the commands of a disk, PIO and
 * bus master transfers, and PCI configuration. It does not model time, packet devices or SMART; nobody is on the secondary
 * channel.
 *
 * The model is synchronous: DMA happens inside the call that causes it. It trusts nobody above it: whatever a driver writes,
 * a call returns, and every touch of memory is in the record.
 */
import { CONFIG_SPACE, PORT_SPACE } from '../../dsslang/runtime.ts';
import type { Space, Width } from '../../dsslang/runtime.ts';
import { attachModule } from '../backing/model/attach-module.ts';
import type { DeviceModel, ModelDefinition, ModelHost } from '../backing/model/device-model.ts';
import { readAlternate, readTask, resetDrive, writeControl, writeTask, type Drive } from '../ata/model-drive.ts';
import { diskOf, mediumOf, type MediumOptions } from '../ata/model-medium.ts';
import { runMaster } from './model-master.ts';
import { CONFIG_SIZE_BYTES, ideState, STATE_SIZE_BYTES, type IdeState } from './model-state.ts';
import * as r from './registers.ts';

export function ideOnHost(host: ModelHost, { medium }: MediumOptions): DeviceModel {
  const state = ideState(host.state);
  const drive: Drive = {
    state: state.drive,
    medium: new Uint8Array(medium),
    queueDepth: 0,
    // The bus master notes it (Bus Master IDE, 2.2).
    interrupted: () => (state.fields.masterStatus |= r.BMISTA_INTERRUPT),
    moveByDma: () => runMaster(state, drive, host.memory),
  };
  if (state.fields.powered === 0) powerOn(state);

  /** The interrupt line follows its cause at the end of every call. */
  function settle(): void {
    const { fields } = state;
    const { interrupting, control } = state.drive.fields;
    const level = interrupting !== 0 && (control & r.CONTROL_NIEN) === 0 ? 1 : 0;
    if (level === fields.line) return;
    fields.line = level;
    host.interrupt(level);
  }

  return {
    read(space, offset, width) {
      const value = readSpace(state, drive, space, offset, width);
      settle();
      return value;
    },
    write(space, offset, width, value) {
      writeSpace(state, drive, space, offset, width, value >>> 0);
      settle();
    },
    receiveFrame: () => undefined,
    resume: () => undefined,
    advance: () => undefined,
    nextDeadlineUs: () => Infinity,
    interruptLevel: () => (state.fields.line === 1 ? 1 : 0),
  };
}

/** Vendor, device, class 01.01 with bus master, and decoding of the ports switched on as firmware leaves it. */
const CONFIG_AT_POWER_ON: readonly (readonly [offset: number, value: number])[] = [
  [0x00, r.VENDOR_INTEL & 0xff],
  [0x01, r.VENDOR_INTEL >> 8],
  [0x02, r.DEVICE_PIIX3_IDE & 0xff],
  [0x03, r.DEVICE_PIIX3_IDE >> 8],
  [r.PCI_COMMAND, r.PCI_COMMAND_IO],
  [0x06, 0x80],
  [0x07, 0x02],
  [0x09, 0x80],
  [0x0a, 0x01],
  [0x0b, 0x01],
  [0x20, 0x01],
  [r.IDETIM + 1, 0x80],
  [r.IDETIM + 3, 0x80],
];
const CONFIG_WRITABLE: readonly (readonly [offset: number, mask: number])[] = [
  [r.PCI_COMMAND, 0x05],
  [0x0d, 0xf0],
  [0x20, 0xf0],
  [0x21, 0xff],
  [r.IDETIM, 0xff],
  [r.IDETIM + 1, 0xf3],
  [r.IDETIM + 2, 0xff],
  [r.IDETIM + 3, 0xf3],
  [0x44, 0xff],
];
const configMasks = new Uint8Array(CONFIG_SIZE_BYTES);
for (const [offset, mask] of CONFIG_WRITABLE) configMasks[offset] = mask;

function powerOn(state: IdeState): void {
  for (const [offset, value] of CONFIG_AT_POWER_ON) state.config[offset] = value;
  resetDrive(state.drive);
  state.fields.powered = 1;
}

function inside(offset: number, first: number, size: number): boolean {
  return offset >= first && offset < first + size;
}

function readSpace({ config, fields }: IdeState, drive: Drive, space: Space, offset: number, width: Width): number {
  if (space === CONFIG_SPACE) return bytesOf(config, offset, width);
  if (space === PORT_SPACE) {
    if (inside(offset, r.PRIMARY.task, 8)) return readTask(drive, offset - r.PRIMARY.task, width);
    return offset === r.PRIMARY.control && width === 1 ? readAlternate(drive.state) : 0;
  }
  if (space !== r.BAR_MASTER || offset >= 8) return 0;
  if (offset === r.BMIDTP && width === 4) return fields.table;
  if (width !== 1) return 0;
  return offset === r.BMICOM ? fields.masterCommand : offset === r.BMISTA ? fields.masterStatus : 0;
}

function bytesOf(bytes: Uint8Array, offset: number, width: number): number {
  let value = 0;
  for (let at = 0; at < width; at += 1) value += (bytes[offset + at] ?? 0) * 2 ** (8 * at);
  return value;
}

function writeSpace(ide: IdeState, drive: Drive, space: Space, offset: number, width: Width, value: number): void {
  const { config, fields } = ide;
  if (space === CONFIG_SPACE) {
    for (let at = 0; at < width && offset + at < CONFIG_SIZE_BYTES; at += 1) {
      const mask = configMasks[offset + at] ?? 0;
      config[offset + at] = ((config[offset + at] ?? 0) & ~mask) | (Math.floor(value / 2 ** (8 * at)) & mask);
    }
    drive.moveByDma();
  } else if (space === PORT_SPACE) {
    if (inside(offset, r.PRIMARY.task, 8)) writeTask(drive, offset - r.PRIMARY.task, width, value);
    else if (offset === r.PRIMARY.control && width === 1) writeControl(drive.state, value);
  } else if (space === r.BAR_MASTER && offset === r.BMIDTP && width === 4) {
    fields.table = (value & ~3) >>> 0;
  } else if (space === r.BAR_MASTER && width === 1) {
    if (offset === r.BMICOM) writeMaster(ide, drive, value);
    if (offset === r.BMISTA) {
      const cleared = value & (r.BMISTA_INTERRUPT | r.BMISTA_ERROR);
      fields.masterStatus = (fields.masterStatus & ~cleared & ~r.BMISTA_DRIVES) | (value & r.BMISTA_DRIVES);
    }
  }
}

function writeMaster({ fields }: IdeState, drive: Drive, value: number): void {
  const starts = (value & ~fields.masterCommand & r.BMICOM_START) !== 0;
  fields.masterCommand = value & (r.BMICOM_START | r.BMICOM_READ);
  if ((value & r.BMICOM_START) === 0) fields.masterStatus &= ~r.BMISTA_ACTIVE;
  if (!starts) return;
  fields.masterStatus |= r.BMISTA_ACTIVE;
  drive.moveByDma();
}

/** The controller for `modelBacking`; its options are `MediumOptions`, and without any there is an empty disk of its own. */
export const ideModel: ModelDefinition = {
  name: 'ide',
  module: attachModule(import.meta.url, 'ide'),
  identity: { vendor: r.VENDOR_INTEL, device: r.DEVICE_PIIX3_IDE },
  stateSizeBytes: STATE_SIZE_BYTES,
  ends: ({ options }) => (options === undefined ? {} : { disk: diskOf(mediumOf(options)) }),
  create: (host, options) => ideOnHost(host, mediumOf(options)),
};
