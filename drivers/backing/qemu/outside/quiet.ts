/** A sound device in a quiet room: QEMU's `none` audio. It plays to nobody and records silence, both in time. */
import type { Plug } from './plug.ts';

export function quietPlug(): Plug {
  return {
    needsSocket: false,
    before: () => ['-audiodev', 'none,id=sound'],
    property: 'audiodev=sound',
    connect: () => ({}),
  };
}
