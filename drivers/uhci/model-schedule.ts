/**
 * One frame of the UHCI model (design guide 3.4 and 3.5): from the frame pointer over queue heads and transfer descriptors.
 *
 * The controller is bounded as the real one is by its millisecond: so many structures and so many bytes a frame, whatever
 * the driver has laid there; circles end with the frame. It trusts nothing, and every touch of memory is in the record.
 */
import type { DmaMemory } from '../backing/model/dma-memory.ts';
import { onPacket, type Answer, type FunctionKind } from './model-function.ts';
import type { FunctionState, UhciState } from './model-state.ts';
import * as r from './registers.ts';

/** Structures that one frame visits, and bytes that it moves: about what fits between two frame markers. */
const VISITS_MAX = 256;
const FRAME_BYTES_MAX = 1280;
/** What a frame leaves to be told: bits of `causes`. */
export const CAUSE_COMPLETE = 1;
export const CAUSE_SHORT = 2;

export interface Plugged {
  readonly port: number;
  readonly state: FunctionState;
  readonly kind: FunctionKind;
}

interface Descriptor {
  readonly address: number;
  readonly link: number;
  readonly status: number;
  readonly token: number;
  readonly buffer: number;
}

const scratch = new Uint8Array(16);
const view = new DataView(scratch.buffer);

export function runFrame(state: UhciState, memory: DmaMemory, plugged: readonly Plugged[]): void {
  const { controller } = state;
  const read = (address: number, length: number): void => memory.read(address, scratch, 0, length);
  read(controller.base + 4 * (controller.frnum % r.FRAMES), 4);
  let link = view.getUint32(0, true);
  /** The queue that the present link was found in; 0 for none. */
  let queue = 0;
  let behindQueue = r.LINK_END;
  let bytes = 0;
  for (let visits = 0; visits < VISITS_MAX && (link & r.LINK_END) === 0; visits += 1) {
    const place = (link & r.LINK_PLACE) >>> 0;
    if ((link & r.LINK_QUEUE) !== 0) {
      read(place, 8);
      const element = view.getUint32(4, true);
      const empty = (element & r.LINK_END) !== 0;
      behindQueue = view.getUint32(0, true);
      queue = empty ? 0 : place;
      link = empty ? behindQueue : element;
      continue;
    }
    read(place, 16);
    const found = { address: place, link: view.getUint32(0, true), status: view.getUint32(4, true), token: view.getUint32(8, true), buffer: view.getUint32(12, true) }; // prettier-ignore
    const done = (found.status & r.TD_ACTIVE) !== 0 && execute(state, memory, plugged, found);
    if (done && queue !== 0) {
      view.setUint32(0, found.link, true);
      memory.write(queue + 4, scratch, 0, 4);
    }
    bytes += (found.status & r.TD_ACTIVE) === 0 ? 0 : lengthOf(found.token);
    if (bytes >= FRAME_BYTES_MAX) return;
    if (queue === 0 || (done && (found.link & r.LINK_DEPTH) !== 0)) link = found.link;
    else {
      link = behindQueue;
      queue = 0;
    }
  }
}

const lengthOf = (token: number): number => ((token >>> r.TOKEN_LENGTH_SHIFT) + 1) & r.LENGTH_NONE;

/** Carries out an active descriptor. @returns whether its queue goes on to the next */
function execute(state: UhciState, memory: DmaMemory, plugged: readonly Plugged[], td: Descriptor): boolean {
  const { controller } = state;
  const pid = td.token & 0xff;
  const length = lengthOf(td.token);
  if ((pid !== r.PID_IN && pid !== r.PID_OUT && pid !== r.PID_SETUP) || length > r.PACKET_MAX) {
    // 2.1.2: the controller cannot go on.
    controller.sts |= r.STS_PROCESS_ERROR | r.STS_HALTED;
    controller.cmd &= ~r.CMD_RS;
    return false;
  }
  const bytes = new Uint8Array(length);
  if (pid !== r.PID_IN) memory.read(td.buffer, bytes, 0, length);
  const answer = ask(state, plugged, td.token, pid, bytes);
  let status = td.status & ~(r.TD_NAK | r.TD_TIMEOUT);
  if (answer === 'nak') return finish(memory, td, status | r.TD_NAK, false);
  if (typeof answer === 'number') {
    if (pid === r.PID_IN) memory.write(td.buffer, bytes, 0, answer);
    if ((status & r.TD_IOC) !== 0) controller.causes |= CAUSE_COMPLETE;
    const short = pid === r.PID_IN && answer < length && (status & r.TD_SHORT) !== 0;
    if (short) controller.causes |= CAUSE_SHORT;
    status = (status & ~(r.TD_ACTIVE | r.TD_ACTUAL)) | ((answer - 1) & r.TD_ACTUAL);
    return finish(memory, td, status, !short);
  }
  if (answer === 'silent') {
    const errors = (status >>> r.TD_ERRORS_SHIFT) & r.TD_ERRORS_MAX;
    if (errors > 1) {
      status = (status & ~(r.TD_ERRORS_MAX << r.TD_ERRORS_SHIFT)) | ((errors - 1) << r.TD_ERRORS_SHIFT);
      return finish(memory, td, status | r.TD_TIMEOUT, false);
    }
    if (errors === 0) return finish(memory, td, status | r.TD_TIMEOUT, false); // 3.2.2: never gives up
    status |= r.TD_TIMEOUT;
  }
  controller.sts |= r.STS_ERROR;
  if ((status & r.TD_IOC) !== 0) controller.causes |= CAUSE_COMPLETE;
  return finish(memory, td, (status & ~(r.TD_ACTIVE | r.TD_ACTUAL)) | r.TD_STALLED | r.TD_ACTUAL, false);
}

function finish(memory: DmaMemory, td: Descriptor, status: number, goesOn: boolean): boolean {
  view.setUint32(0, status >>> 0, true);
  memory.write(td.address + 4, scratch, 0, 4);
  return goesOn;
}

function ask(
  { ports }: UhciState,
  plugged: readonly Plugged[],
  token: number,
  pid: number,
  bytes: Uint8Array,
): Answer | 'silent' {
  const address = (token >>> r.TOKEN_ADDRESS_SHIFT) & 127;
  const endpoint = (token >>> r.TOKEN_ENDPOINT_SHIFT) & 15;
  const listens = plugged.find(({ port, state }) => {
    const enabled = ((ports[port] ?? 0) & (r.PORT_ENABLED | r.PORT_RESET)) === r.PORT_ENABLED;
    return enabled && state.fields.address === address;
  });
  return listens === undefined ? 'silent' : onPacket(listens.state, listens.kind, pid, endpoint, bytes);
}
