/**
 * What the UHCI model remembers, in one buffer that threads share: the controller's registers and configuration, and the
 * two devices on its ports. The disk's medium is a buffer of its own, handed over as an option.
 */
import { layOut } from '../backing/model/state-layout.ts';
import * as r from './registers.ts';

export const CONFIG_BYTES = 256;
export const DATA_BYTES_MAX = 1024;
/** Reports that wait in the mouse; what comes on top is added to the last of them. */
export const REPORTS_MAX = 16;
export const ENDPOINTS = 4;

const CONTROLLER = ['ready', 'cmd', 'sts', 'causes', 'intr', 'frnum', 'base', 'sofmod', 'line'] as const;
const FUNCTION = ['address', 'configuration', 'stage', 'length', 'offset', 'newAddress'] as const;
const DISK = [
  'stage',
  'tag',
  'residue',
  'left',
  'status',
  'block',
  'count',
  'sense',
  'operation',
  'length',
  'offset',
] as const;

/** A device on a port, as far as all devices are the same: its address and its control pipe. */
export interface FunctionState {
  readonly fields: Record<(typeof FUNCTION)[number], number>;
  readonly setup: Uint8Array;
  /** What the control pipe sends or has received. */
  readonly data: Uint8Array;
  /** By endpoint number, in and out together. */
  readonly halted: Uint8Array;
}

export interface UhciState {
  readonly controller: Record<(typeof CONTROLLER)[number], number>;
  readonly ports: Uint32Array;
  /** Time of the next frame, in microseconds. */
  readonly nextFrame: Float64Array;
  readonly config: DataView;
  readonly functions: readonly [FunctionState, FunctionState];
  readonly mouse: Record<'buttons' | 'first' | 'count', number>;
  /** Of each waiting report: buttons, dx, dy, wheel. */
  readonly reports: Int32Array;
  readonly disk: Record<(typeof DISK)[number], number>;
  readonly diskData: Uint8Array;
}

export const STATE_SIZE_BYTES = 8192;

export function uhciState(buffer: ArrayBufferLike): UhciState {
  const layout = layOut(buffer);
  const nextFrame = layout.doubles(1);
  const controller = layout.fields(CONTROLLER);
  const ports = layout.words(2);
  const reportWords = layout.words(REPORTS_MAX * 4);
  const mouse = layout.fields(['buttons', 'first', 'count']);
  const disk = layout.fields(DISK);
  const configBytes = layout.bytes(CONFIG_BYTES);
  const aFunction = (): FunctionState => ({
    fields: layout.fields(FUNCTION),
    setup: layout.bytes(8),
    data: layout.bytes(DATA_BYTES_MAX),
    halted: layout.bytes(ENDPOINTS),
  });
  const state: UhciState = {
    controller,
    ports,
    nextFrame,
    config: new DataView(configBytes.buffer, configBytes.byteOffset, CONFIG_BYTES),
    functions: [aFunction(), aFunction()],
    mouse,
    reports: new Int32Array(reportWords.buffer, reportWords.byteOffset, reportWords.length),
    disk,
    diskData: layout.bytes(512),
  };
  if (controller.ready === 0) powerOn(state);
  return state;
}

function powerOn(state: UhciState): void {
  const { config, controller } = state;
  config.setUint16(0x00, r.VENDOR_INTEL, true);
  config.setUint16(0x02, r.DEVICE_PIIX3_USB, true);
  config.setUint16(r.PCI_STATUS, 0, true);
  config.setUint32(0x08, 0x0c03_0001, true);
  config.setUint32(0x20, 1, true);
  config.setUint8(0x3d, 4);
  config.setUint8(0x60, 0x10);
  controller.ready = 1;
  resetController(state);
}

/** 2.1.1: HCRESET. Devices on the ports keep what they know until their port is reset. */
export function resetController({ controller, ports }: UhciState): void {
  Object.assign(controller, { cmd: 0, sts: r.STS_HALTED, causes: 0, intr: 0, frnum: 0, base: 0 });
  controller.sofmod = r.SOFMOD_DEFAULT;
  ports.fill(r.PORT_ALWAYS | r.PORT_CONNECTED | r.PORT_CONNECT_CHANGE);
}
