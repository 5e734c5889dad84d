/** What can go wrong around a shielded guest that is neither the guest's fault nor the specification's. */

export type ShieldErrorCode =
  /** The guest's kernel cannot be had on this machine. */
  | 'ENV_GUEST_KERNEL'
  /** QEMU is of a version whose proxy protocol nobody has tested. */
  | 'ENV_QEMU_UNTESTED'
  /** The guest's QEMU said something that is not its proxy protocol. */
  | 'PROXY_PROTOCOL'
  /** The guest did not come to its end in time. */
  | 'GUEST_TIMEOUT'
  | 'GUEST_PANIC'
  /** The guest's machine ended before the guest said that it was done. */
  | 'GUEST_ENDED'
  /** The guest came to its end and was refused nothing, and its work was not done. */
  | 'GUEST_WORK'
  /** The guest asks for more than a limit allows: configuration writes, interrupts. */
  | 'GUEST_FLOOD'
  /** Another guest has this device. */
  | 'DEVICE_BUSY'
  | 'UNKNOWN_SHIELD_DEVICE';

export class ShieldError extends Error {
  readonly code: ShieldErrorCode;
  constructor(code: ShieldErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ShieldError';
    this.code = code;
  }
}

/** @param boot which one it was, of however many */
export function workNotDone(
  boot: string,
  wrong: readonly string[],
  { denied, interrupts }: { readonly denied: number; readonly interrupts: number },
): ShieldError {
  const seen = `${denied} operations denied, ${interrupts} interrupts delivered`;
  return new ShieldError('GUEST_WORK', `${boot}: the guest's work was not done: ${wrong.join('; ')} (${seen})`);
}
