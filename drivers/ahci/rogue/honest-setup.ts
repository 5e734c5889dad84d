/**
 * The honest beginning that every rogue AHCI driver shares: what the real driver does until the disk has moved a sector.
 * `rogue` resets the controller, starts the first port, reads one sector, and attacks while the port runs and has nothing to
 * do (`drivers/rogue/honest-frame.ts`).
 */
import type { DeviceIo, DmaRegion, DriverEntries } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import { attackOnce, type Attack } from '../../rogue/honest-frame.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';

const POLL_US = 1000;

/** A disk that works, and the memory of its driver. */
export interface Rig {
  readonly io: DeviceIo;
  readonly buffers: setup.Buffers;
  readonly fromDisk: DmaRegion;
  readonly toDisk: DmaRegion;
  /** Every region that this driver was granted. */
  readonly regions: DmaRegion[];
}

export function rogue(io: DeviceIo, behaviour: Attack<Rig>): DriverEntries {
  const buffers = setup.allocateBuffers(io, 1);
  const [fromDisk] = buffers.fromDisk;
  const [toDisk] = buffers.toDisk;
  if (fromDisk === undefined || toDisk === undefined) throw new RangeError('one slot, one buffer each way');
  const regions = [buffers.list, buffers.tables, buffers.received, fromDisk, toDisk];
  const rig: Rig = { io, buffers, fromDisk, toDisk, regions };
  let phase: 'resetting' | 'starting' | 'reading' | 'attacked' = 'resetting';
  return {
    init() {
      setup.enableBusMaster(io);
      setup.beginReset(io);
      io.setTimer(POLL_US);
    },
    timer() {
      if (phase === 'resetting' && setup.isReset(io)) {
        phase = 'starting';
        setup.listen(io, buffers);
      } else if (phase === 'starting' && setup.isThere(io)) {
        phase = 'reading';
        setup.start(io);
        readSector(rig, fromDisk.address);
      }
      if (phase !== 'reading') io.setTimer(POLL_US);
    },
    interrupt() {
      if (phase === 'attacked' && behaviour.interrupt !== undefined) return behaviour.interrupt(rig);
      setup.acknowledge(io);
      if (phase !== 'reading' || setup.underWay(io, false) !== 0) return;
      phase = 'attacked';
      attackOnce(rig, behaviour);
    },
  };
}

/** Reads the first sector to wherever. */
export function readSector({ io, buffers }: Rig, address: number): void {
  const data = { address, bytes: ata.SECTOR_BYTES };
  setup.perform(io, buffers, 0, { command: ata.READ_DMA_EXT, count: 1, data });
}

/** A command that moves nothing. */
export function ask({ io, buffers }: Rig, command: number, count = 0): void {
  setup.perform(io, buffers, 0, { command, count });
}

/** An honest command, but for the address of its table. */
export function readThroughTable({ io, buffers, fromDisk }: Rig, table: number): void {
  const data = { address: fromDisk.address, bytes: ata.SECTOR_BYTES };
  setup.layCommand(buffers, 0, { command: ata.READ_DMA_EXT, count: 1, data });
  buffers.list.write32(r.HEADER_TABLE, table);
  setup.issue(io, 0, false);
}
