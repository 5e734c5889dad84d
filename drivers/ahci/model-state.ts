/**
 * The state of the AHCI model as views of one buffer that threads share: PCI configuration, the controller, its ports, and
 * the drive behind the first.
 */
import { DRIVE_STATE_BYTES, driveState, type DriveState } from '../ata/model-state.ts';
import { CONFIG_SIZE_BYTES } from '../backing/model/pci-config.ts';
import { layOut } from '../backing/model/state-layout.ts';
import * as r from './registers.ts';

const FIELDS = ['ghc', 'index', 'line', 'powered'] as const;
const PORT_FIELDS = [
  'clb', 'clbu', 'fb', 'fbu', 'is', 'ie', 'cmd', 'tfd', 'sig', 'sctl', 'serr', 'sact', 'ci',
  // Whether the drive has introduced itself since its reset; and whether a soft reset has begun.
  'introduced', 'resetting',
] as const; // prettier-ignore

export type PortState = Record<(typeof PORT_FIELDS)[number], number>;

export interface AhciState {
  readonly drive: DriveState;
  readonly fields: Record<(typeof FIELDS)[number], number>;
  readonly ports: readonly PortState[];
  readonly config: Uint8Array;
}

export const STATE_SIZE_BYTES =
  DRIVE_STATE_BYTES + 4 * (FIELDS.length + r.PORTS * PORT_FIELDS.length) + CONFIG_SIZE_BYTES + 16;

export function ahciState(buffer: ArrayBufferLike): AhciState {
  const layout = layOut(buffer);
  return {
    drive: driveState(layout),
    fields: layout.fields(FIELDS),
    ports: Array.from({ length: r.PORTS }, () => layout.fields(PORT_FIELDS)),
    config: layout.bytes(CONFIG_SIZE_BYTES),
  };
}
