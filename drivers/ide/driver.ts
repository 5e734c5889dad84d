/**
 * A driver for the first drive behind a PIIX3: block class messages in, data out (`drivers/class/block.ts`).
 *
 * It runs untrusted, as any driver: nothing it does is safe because it is written here, but because the monitor checks it.
 * One command at a time is under way; further requests wait. Data moves by the bus master, or by the data port where the
 * drive has no DMA or the user asks for it (`{kind: 'transfers', by: 'port'}`). It never blocks and believes nothing: a drive
 * that stays busy is reset, and after that what it was asked is answered with an error.
 *
 * The order of operations follows the standards (ATA/ATAPI-7 volume 2, 11; Bus Master IDE, 3.1); the steps themselves are in
 * `driver-setup.ts`.
 */
import type { DeviceIo, DriverEntries, DriverMessage } from '../../kernel/abi.ts';
import { identityOf, type Identity } from '../ata/identity.ts';
import { blockRequest, isInRange, REQUESTS_MAX, type BlockError, type BlockRequest } from '../class/block.ts';
import * as setup from './driver-setup.ts';
import * as r from './registers.ts';

const POLL_US = 2000;
/** A drive may take seconds to start up (its motor); the standard says 31. */
const READY_POLLS_MAX = 2500;
/** Data moves in milliseconds, and a cache is emptied in seconds. */
const COMMAND_TIMEOUT_US = 8_000_000;
/** Resets in a row that brought no answer: then the drive is taken for gone until it is asked for again. */
const RESETS_MAX = 3;

type Phase = 'held in reset' | 'starting' | 'identifying' | 'up' | 'gone';

/** The command under way. */
interface Work {
  readonly request: BlockRequest;
  readonly bytes: number;
  readonly byMaster: boolean;
  /** Bytes that the data port has moved. */
  done: number;
  /** What it has read so far; or what it is to write. */
  readonly data: Uint8Array;
}

export default function ideDriver(io: DeviceIo): DriverEntries {
  const buffers = setup.allocateBuffers(io);
  const queue: BlockRequest[] = [];
  const words = new Uint8Array(r.SECTOR_BYTES);
  let phase: Phase = 'held in reset';
  let polls = 0;
  let resets = 0;
  let identity: Identity | undefined;
  let byPort = false;
  let work: Work | undefined;

  function answerError({ tag }: BlockRequest, what: BlockError): void {
    io.send({ kind: 'error', tag, what });
  }

  /** Everything under way is lost. */
  function reset(what: BlockError): void {
    if (work !== undefined) answerError(work.request, what);
    work = undefined;
    for (const request of queue.splice(0)) answerError(request, 'reset');
    phase = 'held in reset';
    resets += 1;
    setup.beginReset(io);
    io.setTimer(setup.RESET_HOLD_US);
  }

  /** Once the drive is ready after its reset, or has taken too long. */
  function poll(): void {
    if (!setup.isBusy(setup.status(io))) {
      phase = 'identifying';
      setup.selectDrive(io);
      setup.status(io); // and this lowers the interrupt line, if a last driver left it up
      setup.enableInterrupts(io);
      setup.outTask(io, r.COMMAND, r.IDENTIFY);
      io.setTimer(COMMAND_TIMEOUT_US);
    } else if (polls >= READY_POLLS_MAX) {
      giveUp('the drive stays busy');
    } else {
      polls += 1;
      io.setTimer(POLL_US);
    }
  }

  function giveUp(why: string): void {
    io.log(why);
    if (resets < RESETS_MAX) reset('timeout');
    else phase = 'gone';
  }

  function identified(state: number): void {
    if (!setup.asks(state)) return giveUp('the drive does not say what it is');
    setup.readBlock(io, words, 0, words.length);
    identity = identityOf(words);
    if (identity === undefined) return giveUp('the drive has no sectors');
    phase = 'up';
    resets = 0;
    io.send({ kind: 'up', sectors: identity.sectors, sectorBytes: r.SECTOR_BYTES });
  }

  function next(): void {
    if (phase !== 'up' || identity === undefined || work !== undefined) return;
    const request = queue.shift();
    if (request === undefined) return;
    if (request.kind === 'flush') begin(request, identity);
    else transfer(request, identity);
  }

  function begin(request: BlockRequest, { canFlush, wide }: Identity): void {
    if (!canFlush) {
      io.send({ kind: 'flushed', tag: request.tag });
      return next();
    }
    work = { request, bytes: 0, byMaster: false, done: 0, data: words };
    io.setTimer(COMMAND_TIMEOUT_US);
    setup.outTask(io, r.COMMAND, wide ? r.FLUSH_EXT : r.FLUSH);
  }

  function transfer(request: Exclude<BlockRequest, { kind: 'flush' }>, { wide, hasDma }: Identity): void {
    const reads = request.kind === 'read';
    const bytes = reads ? request.count * r.SECTOR_BYTES : request.bytes.length;
    const count = bytes / r.SECTOR_BYTES;
    const byMaster = hasDma && !byPort;
    const far = wide && request.sector + count > r.LBA28_SECTORS;
    const data = reads ? (byMaster ? words : new Uint8Array(bytes)) : request.bytes;
    work = { request, bytes, byMaster, done: 0, data };
    io.setTimer(COMMAND_TIMEOUT_US);
    const buffer = reads ? buffers.fromDisk : buffers.toDisk;
    if (byMaster) {
      if (!reads) buffer.copyIn(0, request.bytes);
      setup.prepareMaster(io, buffers.table, reads);
    }
    setup.program(io, request.sector, count, far);
    setup.outTask(io, r.COMMAND, commandOf(reads, byMaster, far));
    if (byMaster) {
      // Laid last, so that a monitor need not look at memory for what it has just seen stored.
      setup.layTable(buffers.table, buffer.address, bytes);
      setup.startMaster(io, reads);
    }
    // A drive does not interrupt for the first block that it is given (11.6).
    else if (!reads) feed(setup.whenReady(io));
  }

  /** By the data port: the next sector, if the drive asks for it. */
  function feed(state: number): void {
    if (work === undefined || !setup.asks(state)) return;
    if (work.request.kind === 'read') setup.readBlock(io, work.data, work.done, r.SECTOR_BYTES);
    else setup.writeBlock(io, work.data, work.done, r.SECTOR_BYTES);
    work.done += r.SECTOR_BYTES;
  }

  function commandInterrupt(state: number): void {
    if (work === undefined) return;
    const { request, byMaster } = work;
    let failed = setup.hasFailed(state);
    if (byMaster) {
      const master = setup.masterStatus(io);
      if ((master & r.BMISTA_INTERRUPT) === 0) return;
      failed ||= (master & r.BMISTA_ERROR) !== 0;
      setup.outMaster(io, r.BMICOM, 0);
      setup.outMaster(io, r.BMISTA, r.BMISTA_INTERRUPT | r.BMISTA_ERROR);
    } else if (!failed && work.done < work.bytes) {
      feed(state);
      if (request.kind === 'write' || work.done < work.bytes) return;
    }
    finish(work, failed);
  }

  function finish({ request, bytes, byMaster, data }: Work, failed: boolean): void {
    work = undefined;
    const { tag } = request;
    if (failed) answerError(request, 'device');
    else if (request.kind === 'read')
      io.send({ kind: 'data', tag, bytes: byMaster ? buffers.fromDisk.copyOut(0, bytes) : data });
    else io.send({ kind: request.kind === 'write' ? 'written' : 'flushed', tag });
    next();
  }

  function take(request: BlockRequest): void {
    if (phase !== 'up' || identity === undefined) return answerError(request, 'busy');
    if (request.kind !== 'flush' && !isInRange(request, identity.sectors, r.SECTOR_BYTES))
      return answerError(request, 'range');
    if (queue.length + (work === undefined ? 0 : 1) >= REQUESTS_MAX) return answerError(request, 'busy');
    queue.push(request);
    next();
  }

  return {
    init() {
      setup.enableBusMaster(io);
      reset('reset');
    },
    timer() {
      if (phase === 'held in reset') {
        setup.releaseReset(io);
        phase = 'starting';
        polls = 0;
        io.setTimer(setup.RESET_SETTLE_US);
      } else if (phase === 'starting') {
        poll();
      } else if (phase === 'identifying') {
        giveUp('the drive does not answer');
      } else if (work !== undefined) {
        io.log('the drive does not finish a command');
        reset('timeout');
      }
    },
    interrupt() {
      const state = setup.status(io);
      if (setup.isBusy(state)) return;
      if (phase === 'identifying') identified(state);
      else if (phase === 'up') commandInterrupt(state);
    },
    message(message: DriverMessage) {
      const request = blockRequest(message);
      if (request !== undefined) take(request);
      else if (message.kind === 'reset') {
        resets = 0;
        reset('reset');
      } else if (message.kind === 'transfers') byPort = message['by'] === 'port';
      else io.log('no request; ignored');
    },
  };
}

function commandOf(reads: boolean, byMaster: boolean, far: boolean): number {
  if (byMaster) return reads ? (far ? r.READ_DMA_EXT : r.READ_DMA) : far ? r.WRITE_DMA_EXT : r.WRITE_DMA;
  return reads ? (far ? r.READ_SECTORS_EXT : r.READ_SECTORS) : far ? r.WRITE_SECTORS_EXT : r.WRITE_SECTORS;
}
