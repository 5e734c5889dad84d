/**
 * A small in-process model of the PIIX3's UHCI with a mouse on its first root port and a disk on its second.
 *
 * What a driver sees of it is what a driver sees of QEMU's `piix3-usb-uhci` with `usb-mouse` and `usb-storage`. It models the
 * registers, PCI configuration, the frame list, both root ports and both devices. It does not model isochronous transfers
 * other than as ordinary ones, data toggles, low speed, resume, or time within a frame.
 *
 * Time comes from the host: a frame begins every millisecond while the schedule runs. A host that looks late gets the frames
 * that it missed, up to a bound; the others never were.
 */
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import type { Space, Width } from '../../dsslang/runtime.ts';
import type { FarEnds, MouseButton } from '../../kernel/abi.ts';
import { attachModule } from '../backing/model/attach-module.ts';
import type { DeviceModel, ModelDefinition, ModelHost, ModelPort } from '../backing/model/device-model.ts';
import { MOUSE_BUTTONS } from '../class/input.ts';
import { diskKind } from './model-disk.ts';
import { resetFunction } from './model-function.ts';
import { handMessage, mouseKind, moveMouse } from './model-mouse.ts';
import { CAUSE_COMPLETE, CAUSE_SHORT, runFrame, type Plugged } from './model-schedule.ts';
import { CONFIG_BYTES, resetController, STATE_SIZE_BYTES, uhciState, type UhciState } from './model-state.ts';
import * as r from './registers.ts';

export const MEDIUM_BYTES_DEFAULT = 2 << 20;

export interface UhciModelOptions {
  /** What the disk holds, shared by all who attach: whole sectors of 512 bytes. */
  readonly medium?: SharedArrayBuffer;
}

/** Frames that are made up for at once; a driver that stalls for longer loses time, not order. */
const FRAMES_LATE_MAX = 16;

export function uhciOnHost(host: ModelHost, options: UhciModelOptions = {}): DeviceModel {
  const state = uhciState(host.state);
  const { controller } = state;
  const medium = new Uint8Array(options.medium ?? new ArrayBuffer(MEDIUM_BYTES_DEFAULT));
  const plugged: readonly Plugged[] = [
    { port: 0, state: state.functions[0], kind: mouseKind(state) },
    { port: 1, state: state.functions[1], kind: diskKind(state, medium) },
  ];
  const isMaster = (): boolean => (state.config.getUint16(r.PCI_COMMAND, true) & r.PCI_COMMAND_MASTER) !== 0;

  function settle(): void {
    const level = lineLevel(state);
    if (level === controller.line) return;
    controller.line = level;
    host.interrupt(level);
  }

  function advance(): void {
    for (let late = 0; (controller.cmd & r.CMD_RS) !== 0 && due(state) <= host.now(); late += 1) {
      if (late === FRAMES_LATE_MAX) {
        state.nextFrame[0] = host.now() + r.FRAME_US;
        break;
      }
      state.nextFrame[0] = due(state) + r.FRAME_US;
      controller.frnum = (controller.frnum + 1) & 0x7ff;
      if (isMaster()) runFrame(state, host.memory, plugged);
      if (controller.causes !== 0) controller.sts |= r.STS_USBINT;
    }
    settle();
  }

  function writeSpace(space: Space, offset: number, width: Width, value: number): void {
    if (space === CONFIG_SPACE) writeConfig(state, offset, width, value);
    else if (space === r.BAR_IO && isDecoded(state)) writeRegister(state, plugged, host.now(), offset, width, value);
  }

  return {
    read(space, offset, width) {
      if (space === CONFIG_SPACE) return readConfig(state, offset, width);
      if (space !== r.BAR_IO || !isDecoded(state)) return 2 ** (8 * width) - 1;
      return readRegister(state, offset, width);
    },
    write(space, offset, width, value) {
      writeSpace(space, offset, width, value >>> 0);
      settle();
    },
    receiveFrame: (frame) => moveMouse(state, frame),
    resume: () => undefined,
    advance,
    nextDeadlineUs: () => ((controller.cmd & r.CMD_RS) === 0 ? Infinity : due(state)),
    interruptLevel: () => (controller.line === 1 ? 1 : 0),
  };
}

const due = ({ nextFrame }: UhciState): number => nextFrame[0] ?? 0;

function isDecoded({ config }: UhciState): boolean {
  return (config.getUint16(r.PCI_COMMAND, true) & r.PCI_COMMAND_IO) !== 0;
}

function lineLevel({ controller, config }: UhciState): 0 | 1 {
  const { causes, intr, sts } = controller;
  const wanted =
    ((causes & CAUSE_COMPLETE) !== 0 && (intr & r.INTR_IOC) !== 0) ||
    ((causes & CAUSE_SHORT) !== 0 && (intr & r.INTR_SHORT) !== 0) ||
    ((sts & r.STS_ERROR) !== 0 && (intr & r.INTR_TIMEOUT) !== 0) ||
    ((sts & r.STS_RESUME) !== 0 && (intr & r.INTR_RESUME) !== 0) ||
    (sts & (r.STS_HOST_ERROR | r.STS_PROCESS_ERROR)) !== 0;
  const status = config.getUint16(r.PCI_STATUS, true) & ~r.PCI_STATUS_INTERRUPT;
  config.setUint16(r.PCI_STATUS, wanted ? status | r.PCI_STATUS_INTERRUPT : status, true);
  const disabled = (config.getUint16(r.PCI_COMMAND, true) & r.PCI_COMMAND_INTX_DISABLE) !== 0;
  return wanted && !disabled ? 1 : 0;
}

/** Registers are 16 bits wide to the controller; wider accesses are two of them. */
function readRegister(state: UhciState, offset: number, width: Width): number {
  if (width === 4) return (readHalf(state, offset) | (readHalf(state, offset + 2) << 16)) >>> 0;
  const half = readHalf(state, offset & ~1) >> (8 * (offset % 2));
  return width === 1 ? half & 0xff : half;
}

function readHalf({ controller, ports }: UhciState, offset: number): number {
  switch (offset) {
    case r.USBCMD:
      return controller.cmd;
    case r.USBSTS:
      return controller.sts;
    case r.USBINTR:
      return controller.intr;
    case r.FRNUM:
      return controller.frnum;
    case r.FLBASEADD:
      return controller.base & 0xffff;
    case r.FLBASEADD + 2:
      return controller.base >>> 16;
    case r.SOFMOD:
      return controller.sofmod;
    case r.PORTSC1:
    case r.PORTSC2:
      return ports[(offset - r.PORTSC1) / 2] ?? 0;
    default:
      return r.NO_PORT;
  }
}

function writeRegister(
  state: UhciState,
  plugged: readonly Plugged[],
  now: number,
  offset: number,
  width: Width,
  value: number,
): void {
  writeHalf(state, plugged, now, offset, value & 0xffff);
  if (width === 4) writeHalf(state, plugged, now, offset + 2, value >>> 16);
}

function writeHalf(state: UhciState, plugged: readonly Plugged[], now: number, offset: number, value: number): void {
  const { controller } = state;
  switch (offset) {
    case r.USBCMD:
      return writeCommand(state, plugged, now, value);
    case r.USBSTS:
      controller.sts &= ~value;
      if ((value & r.STS_USBINT) !== 0) controller.causes = 0;
      return;
    case r.USBINTR:
      controller.intr = value & r.INTR_ALL;
      return;
    case r.FRNUM:
      if ((controller.sts & r.STS_HALTED) !== 0) controller.frnum = value & 0x7ff;
      return;
    case r.FLBASEADD:
      controller.base = ((controller.base & 0xffff_0000) | (value & 0xf000)) >>> 0;
      return;
    case r.FLBASEADD + 2:
      controller.base = ((controller.base & 0xffff) | (value << 16)) >>> 0;
      return;
    case r.SOFMOD:
      controller.sofmod = value & 0xff;
      return;
    case r.PORTSC1:
    case r.PORTSC2:
      return writePort(state, plugged, (offset - r.PORTSC1) / 2, value);
  }
}

function writeCommand(state: UhciState, plugged: readonly Plugged[], now: number, value: number): void {
  const { controller } = state;
  if ((value & r.CMD_GRESET) !== 0) for (const each of plugged) resetFunction(each.state, each.kind);
  if ((value & (r.CMD_GRESET | r.CMD_HCRESET)) !== 0) {
    resetController(state);
    return;
  }
  const starts = (value & r.CMD_RS) !== 0 && (controller.cmd & r.CMD_RS) === 0;
  controller.cmd = value & 0xff;
  if (starts) state.nextFrame[0] = now + r.FRAME_US;
  if ((value & r.CMD_RS) !== 0) controller.sts &= ~r.STS_HALTED;
  else controller.sts |= r.STS_HALTED;
}

const PORT_KEPT = r.PORT_CONNECTED | r.PORT_ALWAYS | 0x30 | r.PORT_LOW_SPEED;
const PORT_CLEARED = r.PORT_CONNECT_CHANGE | r.PORT_ENABLE_CHANGE;

function writePort(state: UhciState, plugged: readonly Plugged[], port: number, value: number): void {
  const before = state.ports[port] ?? 0;
  const on = plugged.find((each) => each.port === port);
  if (on !== undefined && (value & r.PORT_RESET) !== 0 && (before & r.PORT_RESET) === 0)
    resetFunction(on.state, on.kind);
  const kept = before & (PORT_KEPT | (PORT_CLEARED & ~value));
  state.ports[port] = (kept | (value & ~PORT_KEPT & ~PORT_CLEARED & 0xffff)) >>> 0;
}

// ---- PCI configuration -------------------------------------------------------------------------------------------------

const WRITABLE = new Map([[0x04, 0x05], [0x05, 0x05], [0x0c, 0xff], [0x0d, 0xff], [0x20, 0xe0], [0x21, 0xff], [0x3c, 0xff]]); // prettier-ignore

function readConfig({ config }: UhciState, offset: number, width: number): number {
  let value = 0;
  for (let at = 0; at < width && offset + at < CONFIG_BYTES; at += 1)
    value += config.getUint8(offset + at) * 2 ** (8 * at);
  return value;
}

function writeConfig({ config }: UhciState, offset: number, width: number, value: number): void {
  for (let at = offset; at < offset + width && at < CONFIG_BYTES; at += 1) {
    const mask = WRITABLE.get(at) ?? (at >= 0x40 ? 0xff : 0);
    const byte = Math.floor(value / 2 ** (8 * (at - offset))) & 0xff;
    config.setUint8(at, (config.getUint8(at) & ~mask) | (byte & mask));
  }
}

// ---- As a part of the registry -----------------------------------------------------------------------------------------

/** The hand and the medium. */
function endsOf(port: ModelPort): FarEnds {
  let buttons = 0;
  const { medium } = (port.options ?? {}) as UhciModelOptions;
  const hand = {
    move: (dx: number, dy: number, wheel = 0) => port.send(handMessage(buttons, dx, dy, wheel)),
    press(button: MouseButton, down: boolean) {
      const bit = 1 << MOUSE_BUTTONS.indexOf(button);
      buttons = down ? buttons | bit : buttons & ~bit;
      port.send(handMessage(buttons, 0, 0, 0));
    },
  };
  if (medium === undefined) return { hand };
  const bytes = new Uint8Array(medium);
  const check = (offset: number, length: number): void => {
    if (Number.isSafeInteger(offset) && offset >= 0 && offset + length <= bytes.length) return;
    throw new RangeError(`the medium has ${bytes.length} bytes, and not ${length} from ${offset} on`);
  };
  const disk = {
    sizeBytes: bytes.length,
    read(offset: number, length: number) {
      check(offset, length);
      return Uint8Array.from(bytes.subarray(offset, offset + length));
    },
    write(offset: number, from: Uint8Array) {
      check(offset, from.length);
      bytes.set(from, offset);
    },
  };
  return { hand, disk };
}

export const uhciModelOptions = (): UhciModelOptions => ({ medium: new SharedArrayBuffer(MEDIUM_BYTES_DEFAULT) });

export const uhciModel: ModelDefinition = {
  name: 'uhci',
  module: attachModule(import.meta.url, 'uhci'),
  identity: { vendor: r.VENDOR_INTEL, device: r.DEVICE_PIIX3_USB },
  stateSizeBytes: STATE_SIZE_BYTES,
  ends: endsOf,
  create: (host, options) => uhciOnHost(host, options ?? {}),
};
