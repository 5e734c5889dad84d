/**
 * The honest beginning that every rogue IDE driver shares: what the real driver does until the disk has moved a sector.
 * `rogue` resets the drives, waits until the first is ready, reads one sector by the bus master, and attacks while the disk
 * rests (`drivers/rogue/honest-frame.ts`).
 */
import type { DeviceIo, DmaRegion, DriverEntries } from '../../../kernel/abi.ts';
import { attackOnce, type Attack } from '../../rogue/honest-frame.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';

export { allocateIsolated, outsideEveryGrant } from '../../rogue/foreign-memory.ts';

const POLL_US = 2000;

/** A disk that works, and the memory of its driver. */
export interface Rig {
  readonly io: DeviceIo;
  readonly buffers: setup.Buffers;
  /** Every region that this driver was granted. */
  readonly regions: DmaRegion[];
}

export function rogue(io: DeviceIo, behaviour: Attack<Rig>): DriverEntries {
  const buffers = setup.allocateBuffers(io);
  const rig: Rig = { io, buffers, regions: [buffers.table, buffers.fromDisk, buffers.toDisk] };
  let phase: 'held in reset' | 'starting' | 'reading' | 'attacked' = 'held in reset';
  return {
    init() {
      setup.enableBusMaster(io);
      setup.beginReset(io);
      io.setTimer(setup.RESET_HOLD_US);
    },
    timer() {
      if (phase === 'held in reset') {
        setup.releaseReset(io);
        phase = 'starting';
      } else if (phase === 'starting' && !setup.isBusy(setup.status(io))) {
        phase = 'reading';
        setup.selectDrive(io);
        setup.enableInterrupts(io);
        setup.layTable(buffers.table, buffers.fromDisk.address, r.SECTOR_BYTES);
        startTransfer(rig, true, 1);
      }
      if (phase !== 'reading') io.setTimer(POLL_US);
    },
    interrupt() {
      if (phase !== 'reading') {
        if (behaviour.interrupt === undefined) setup.status(io);
        else behaviour.interrupt(rig);
        return;
      }
      setup.status(io);
      setup.outMaster(io, r.BMICOM, 0);
      phase = 'attacked';
      attackOnce(rig, behaviour);
    },
  };
}

/** One region, wherever it lies; as the whole table, or as one entry of a longer one. */
export function layRegion(
  { buffers }: Rig,
  address: number,
  bytes: number,
  { at, isLast }: { readonly at: number; readonly isLast: boolean } = { at: 0, isLast: true },
): void {
  const entry = new DataView(new ArrayBuffer(r.REGION_SIZE_BYTES));
  entry.setUint32(0, address, true);
  entry.setUint32(4, ((bytes & 0xffff) | (isLast ? r.REGION_LAST : 0)) >>> 0, true);
  buffers.table.copyIn(at, new Uint8Array(entry.buffer));
}

/** Moves sectors from the first on by the bus master, through the table as it lies there. */
export function startTransfer({ io, buffers }: Rig, reads: boolean, count: number): void {
  setup.prepareMaster(io, buffers.table, reads);
  setup.program(io, 0, count, false);
  setup.outTask(io, r.COMMAND, reads ? r.READ_DMA : r.WRITE_DMA);
  setup.startMaster(io, reads);
}
