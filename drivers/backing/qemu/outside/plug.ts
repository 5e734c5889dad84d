/** What can be plugged into a device of QEMU: how to ask QEMU for it, and what is held at its far end. Types only. */
import type { Duplex } from 'node:stream';
import type { FarEnds } from '../../../../kernel/abi.ts';

/** One thing that is plugged into a device, from before QEMU's start until after its end. */
export interface Plug {
  /** Whether it talks to QEMU over a socket, which QEMU inherits as descriptor `fd`. Otherwise `fd` is that of its `file`. */
  readonly needsSocket: boolean;
  /** Words of QEMU's command line, before those of the device. Called once, and first: what the plug needs on this machine is made here. */
  before(fd: number): readonly string[];
  /** Asked after `before`, of a plug without a socket: an open file that QEMU inherits as descriptor `fd`, as `/dev/fd/N`. */
  file?(): number;
  /** Properties of the device itself, as in `-device`: `netdev=wire`. */
  readonly property?: string;
  /** Words after those of the device: what sits on its bus. */
  after?(fd: number): readonly string[];
  /**
   * QEMU has been started.
   * @param socket our end, if `needsSocket`
   * @param fail to be called when QEMU says what it never should; the device is then given up
   */
  connect(socket: Duplex | undefined, fail: (problem: string) => void): FarEnds;
  /** QEMU is gone, or never came: removes what `before` made. Idempotent. */
  close?(): void;
}
