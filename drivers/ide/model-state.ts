/**
 * The state of the IDE model as views of one buffer that threads share: PCI configuration, one channel with its drive,
 * and its half of the bus master.
 */
import { DRIVE_STATE_BYTES, driveState, type DriveState } from '../ata/model-state.ts';
import { layOut } from '../backing/model/state-layout.ts';

export const CONFIG_SIZE_BYTES = 256;

const FIELDS = ['line', 'masterCommand', 'masterStatus', 'table', 'powered'] as const;

export interface IdeState {
  readonly drive: DriveState;
  readonly config: Uint8Array;
  readonly fields: Record<(typeof FIELDS)[number], number>;
}

export const STATE_SIZE_BYTES = DRIVE_STATE_BYTES + CONFIG_SIZE_BYTES + FIELDS.length * 4 + 16;

export function ideState(buffer: ArrayBufferLike): IdeState {
  const layout = layOut(buffer);
  return { drive: driveState(layout), fields: layout.fields(FIELDS), config: layout.bytes(CONFIG_SIZE_BYTES) };
}
