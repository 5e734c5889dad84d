/**
 * The mouse of the UHCI model: three buttons and a wheel, boot protocol (HID 1.11, appendix B).
 *
 * What the hand does waits as reports until it is asked for. Movements add up in the last report that waits, so nothing is
 * lost; one report tells at most 127 counts a way, and the rest stays for the next.
 */
import { configurationOf, deviceDescriptor, type Answer, type FunctionKind } from './model-function.ts';
import { REPORTS_MAX, type UhciState } from './model-state.ts';
import * as usb from './usb.ts';

const FIELDS = 4;
const COUNTS_MAX = 127;
const HID = [9, 0x21, 0x11, 1, 0, 1, 0x22, 52, 0];
const KIND = { class: usb.CLASS_HID, subclass: usb.SUBCLASS_BOOT, protocol: usb.PROTOCOL_MOUSE };

/** What the hand sends to the model, as bytes: buttons down, and counts as 16-bit numbers, little-endian. */
export const HAND_MESSAGE_BYTES = 7;

/** @param wheel towards the user; in a report it counts the other way */
export function handMessage(buttons: number, dx: number, dy: number, wheel: number): Uint8Array {
  return Uint8Array.of(buttons, dx, dx >> 8, dy, dy >> 8, -wheel, -wheel >> 8);
}

export function moveMouse({ mouse, reports }: UhciState, message: Uint8Array): void {
  if (message.length !== HAND_MESSAGE_BYTES) return;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const buttons = view.getUint8(0) & 7;
  const last = (mouse.first + mouse.count - 1) % REPORTS_MAX;
  const fresh = mouse.count === 0 || reports[last * FIELDS] !== buttons;
  if (fresh && mouse.count < REPORTS_MAX) {
    const at = ((mouse.first + mouse.count) % REPORTS_MAX) * FIELDS;
    reports.fill(0, at, at + FIELDS);
    mouse.count += 1;
  }
  const at = ((mouse.first + mouse.count - 1) % REPORTS_MAX) * FIELDS;
  reports[at] = buttons;
  for (let field = 1; field < FIELDS; field += 1)
    reports[at + field] = (reports[at + field] ?? 0) + view.getInt16(2 * field - 1, true);
}

const step = (counts: number): number => Math.max(-COUNTS_MAX, Math.min(COUNTS_MAX, counts));

function report({ mouse, reports }: UhciState, bytes: Uint8Array): Answer {
  if (mouse.count === 0) return 'nak';
  const at = mouse.first * FIELDS;
  mouse.buttons = reports[at] ?? 0;
  const told = [mouse.buttons];
  let rest = false;
  for (let field = 1; field < FIELDS; field += 1) {
    const counts = reports[at + field] ?? 0;
    told.push(step(counts) & 0xff);
    reports[at + field] = counts - step(counts);
    rest ||= counts !== step(counts);
  }
  if (!rest) {
    mouse.first = (mouse.first + 1) % REPORTS_MAX;
    mouse.count -= 1;
  }
  const length = Math.min(bytes.length, FIELDS);
  bytes.set(told.slice(0, length));
  return length;
}

export function mouseKind(state: UhciState): FunctionKind {
  return {
    deviceDescriptor: deviceDescriptor(0x0627, 0x0001, 8),
    configuration: configurationOf(KIND, HID, [[0x81, 3, usb.MOUSE_REPORT_BYTES, 10]]),
    classRequest: ({ request }) =>
      request === usb.HID_SET_IDLE || request === usb.HID_SET_PROTOCOL ? new Uint8Array(0) : undefined,
    packet: (endpoint, from, bytes) => (endpoint === 1 && from ? report(state, bytes) : 'stall'),
    reset: () => Object.assign(state.mouse, { buttons: 0, first: 0, count: 0 }),
  };
}
