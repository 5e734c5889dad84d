/**
 * What sits on a USB controller called `usb`: a mouse on the first port, moved through QEMU's monitor (QMP), and a disk on
 * the second, whose medium is that of `disk.ts`.
 *
 * Events of the hand are written one behind the other; QEMU answers each, and its answers are read and dropped. An event
 * that comes before the mouse is polled waits in it.
 */
import type { Duplex } from 'node:stream';
import type { Hand } from '../../../../kernel/abi.ts';
import { diskPlug, DRIVE } from './disk.ts';
import type { Plug } from './plug.ts';

/** The greeting and the answers are short; a monitor that says more at once is none. */
const ANSWER_MAX_CHARS = 1 << 20;

export function handPlug(): Plug {
  return {
    needsSocket: true,
    before: (fd) => ['-chardev', `socket,id=hand,fd=${fd}`, '-mon', 'chardev=hand,mode=control'],
    after: () => ['-device', 'usb-mouse,bus=usb.0,port=1'],
    connect(socket, fail) {
      if (socket === undefined) return {};
      return { hand: handOn(socket, fail) };
    },
  };
}

export function usbDiskPlug(): Plug {
  // The drive is a property of the device on the bus, not of the controller.
  const { property: _drive, ...plug } = diskPlug();
  return { ...plug, after: () => ['-device', `usb-storage,bus=usb.0,port=2,drive=${DRIVE}`] };
}

function handOn(socket: Duplex, fail: (problem: string) => void): Hand {
  let line = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    line = (line + chunk.toString('latin1')).split('\n').at(-1) ?? '';
    if (line.length > ANSWER_MAX_CHARS) fail('the monitor says too much');
  });
  const say = (command: unknown): void => void socket.write(`${JSON.stringify(command)}\n`);
  const events = (list: readonly unknown[]): void => say({ execute: 'input-send-event', arguments: { events: list } });
  const press = (button: string, down: boolean): unknown => ({ type: 'btn', data: { button, down } });
  say({ execute: 'qmp_capabilities' });
  return {
    move(dx, dy, wheel = 0) {
      const axis = (name: string, value: number): unknown => ({ type: 'rel', data: { axis: name, value } });
      events([...(dx === 0 ? [] : [axis('x', dx)]), ...(dy === 0 ? [] : [axis('y', dy)])]);
      const button = wheel > 0 ? 'wheel-down' : 'wheel-up';
      for (let step = 0; step < Math.abs(wheel); step += 1) events([press(button, true), press(button, false)]);
    },
    press: (button, down) => events([press(button, down)]),
  };
}
