/**
 * A driver for the disk on the first port of an AHCI controller: block class messages in, data out (`drivers/class/block.ts`).
 *
 * It runs untrusted, as any driver: nothing it does is safe because it is written here, but because the monitor checks it.
 * Where controller and disk queue commands, up to `SLOTS` are under way and end in any order; else one at a time. A flush
 * waits until all before it have ended, and all behind it wait for the flush. It never blocks and believes nothing: a command
 * that fails or does not end has the controller reset, and what was under way is answered with an error.
 *
 * The order of operations follows the data sheet (AHCI 1.3.1, 5.5 and 10.1.2); the steps are in `driver-setup.ts`.
 */
import { identityOf, type Identity } from '../ata/identity.ts';
import * as ata from '../ata/registers.ts';
import { blockRequest, isInRange, REQUESTS_MAX, type BlockError, type BlockRequest } from '../class/block.ts';
import type { DeviceIo, DriverEntries, DriverMessage } from '../../kernel/abi.ts';
import * as setup from './driver-setup.ts';
import * as r from './registers.ts';

const POLL_US = 1000;
/** A reset of the controller takes a second at most (10.4.3). */
const RESET_POLLS_MAX = 1500;
/** A disk may take seconds to start up (its motor); the standard says 31. */
const READY_POLLS_MAX = 5000;
/** Data moves in milliseconds, and a cache is emptied in seconds. */
const COMMAND_TIMEOUT_US = 8_000_000;
/** Resets in a row that brought no answer: then the disk is taken for gone until it is asked for again. */
const RESETS_MAX = 3;

type Phase = 'draining' | 'resetting' | 'starting' | 'identifying' | 'up' | 'gone';

export default function ahciDriver(io: DeviceIo): DriverEntries {
  const buffers = setup.allocateBuffers(io);
  const queue: BlockRequest[] = [];
  /** What is under way, by slot. */
  const works: (BlockRequest | undefined)[] = buffers.fromDisk.map(() => undefined);
  let phase: Phase = 'resetting';
  let polls = 0;
  let resets = 0;
  let identity: Identity | undefined;
  let queues = false;
  /** Whether whoever uses the disk is to be told that it is up. */
  let announces = true;

  function answerError({ tag }: BlockRequest, what: BlockError): void {
    io.send({ kind: 'error', tag, what });
  }

  /** Everything under way is lost; what waits, if it came before a reset that was asked for. */
  function giveUpWorks(what: BlockError): void {
    works.forEach((request, slot) => {
      if (request !== undefined) answerError(request, what);
      works[slot] = undefined;
    });
  }

  function reset(): void {
    phase = 'resetting';
    polls = 0;
    resets += 1;
    setup.beginReset(io);
    io.setTimer(POLL_US);
  }

  function again(why: string): void {
    io.log(why);
    if (resets < RESETS_MAX) return reset();
    phase = 'gone';
    for (const request of queue.splice(0)) answerError(request, 'timeout');
  }

  function pollReset(): void {
    if (setup.isReset(io)) {
      phase = 'starting';
      polls = 0;
      setup.listen(io, buffers);
      pollDevice();
    } else pollOn(RESET_POLLS_MAX, 'the controller stays in reset');
  }

  function pollDevice(): void {
    if (setup.isThere(io)) {
      phase = 'identifying';
      setup.start(io);
      setup.perform(io, buffers, 0, { command: ata.IDENTIFY, data: dataOf(0, false, ata.SECTOR_BYTES) });
      io.setTimer(COMMAND_TIMEOUT_US);
    } else pollOn(READY_POLLS_MAX, 'no disk is there that could be asked');
  }

  function pollOn(most: number, otherwise: string): void {
    polls += 1;
    if (polls > most) again(otherwise);
    else io.setTimer(POLL_US);
  }

  function identified(): void {
    identity = identityOf(regionOf(0, false).copyOut(0, ata.SECTOR_BYTES));
    if (identity === undefined) return again('the disk has no sectors');
    queues = setup.queuesCommands(io) && identity.queueDepth >= works.length;
    phase = 'up';
    resets = 0;
    if (announces) io.send({ kind: 'up', sectors: identity.sectors, sectorBytes: ata.SECTOR_BYTES });
    announces = false;
    next();
  }

  function regionOf(slot: number, isWrite: boolean): setup.Buffers['list'] {
    const region = (isWrite ? buffers.toDisk : buffers.fromDisk)[slot];
    if (region === undefined) throw new RangeError('there is no such slot');
    return region;
  }

  const dataOf = (slot: number, isWrite: boolean, bytes: number): { address: number; bytes: number } => ({
    address: regionOf(slot, isWrite).address,
    bytes,
  });

  /** Begins whatever may begin now, in the order of asking. */
  function next(): void {
    while (phase === 'up' && identity !== undefined) {
      const [request] = queue;
      const isBusy = works.some((work) => work !== undefined);
      const flushes = works.some((work) => work?.kind === 'flush');
      const slot = works.indexOf(undefined);
      if (request === undefined || flushes || slot === -1) return;
      if (isBusy && (!queues || request.kind === 'flush')) return;
      queue.shift();
      works[slot] = request;
      io.setTimer(COMMAND_TIMEOUT_US);
      if (request.kind === 'flush')
        setup.perform(io, buffers, slot, { command: identity.wide ? ata.FLUSH_EXT : ata.FLUSH });
      else transfer(request, slot, identity);
    }
  }

  function transfer(request: Exclude<BlockRequest, { kind: 'flush' }>, slot: number, { wide }: Identity): void {
    const isWrite = request.kind === 'write';
    const bytes = isWrite ? request.bytes.length : request.count * ata.SECTOR_BYTES;
    if (isWrite) regionOf(slot, true).copyIn(0, request.bytes);
    const command = commandOf(isWrite, queues, wide);
    const { sector } = request;
    const data = dataOf(slot, isWrite, bytes);
    setup.perform(io, buffers, slot, {
      command,
      sector,
      count: bytes / ata.SECTOR_BYTES,
      isWrite,
      isQueued: queues,
      data,
    });
  }

  /** Answers what has ended, and begins what waited for it. */
  function harvest(): void {
    const left = setup.underWay(io, queues);
    works.forEach((request, slot) => {
      if (request === undefined || ((left >>> slot) & 1) === 1) return;
      works[slot] = undefined;
      const { tag } = request;
      if (request.kind === 'read')
        io.send({ kind: 'data', tag, bytes: regionOf(slot, false).copyOut(0, request.count * ata.SECTOR_BYTES) });
      else io.send({ kind: request.kind === 'write' ? 'written' : 'flushed', tag });
    });
    next();
  }

  function take(request: BlockRequest): void {
    if (identity === undefined || phase === 'gone' || announces) return answerError(request, 'busy');
    if (request.kind !== 'flush' && !isInRange(request, identity.sectors, ata.SECTOR_BYTES))
      return answerError(request, 'range');
    const underWay = works.filter((work) => work !== undefined).length;
    if (queue.length + underWay >= REQUESTS_MAX) return answerError(request, 'busy');
    queue.push(request);
    next();
  }

  /** The controller is not reset in the middle of its work: first what is under way ends, for nobody. */
  function resetAsAsked(): void {
    const isBusy = works.some((work) => work !== undefined);
    giveUpWorks('reset');
    for (const request of queue.splice(0)) answerError(request, 'reset');
    resets = 0;
    announces = true;
    if (phase === 'draining' || phase === 'resetting') return;
    if (!isBusy && phase !== 'identifying') return reset();
    phase = 'draining';
    io.setTimer(COMMAND_TIMEOUT_US);
    if (setup.underWay(io, queues) === 0) reset();
  }

  return {
    init() {
      setup.enableBusMaster(io);
      reset();
    },
    timer() {
      if (phase === 'resetting') pollReset();
      else if (phase === 'starting') pollDevice();
      else if (phase === 'identifying') again('the disk does not say what it is');
      else if (phase === 'draining') reset();
      else if (phase === 'up' && works.some((work) => work !== undefined)) {
        giveUpWorks('timeout');
        again('the disk does not finish a command');
      }
    },
    interrupt() {
      const said = setup.acknowledge(io);
      if (said === 0) return;
      if (phase === 'draining') {
        if (setup.hasFailed(io, said) || setup.underWay(io, queues) === 0) reset();
      } else if (phase === 'identifying' || phase === 'up') {
        if (setup.hasFailed(io, said)) {
          giveUpWorks('device');
          again('a command failed');
        } else if (phase === 'up') harvest();
        else if ((setup.underWay(io, false) & 1) === 0) identified();
      }
    },
    message(message: DriverMessage) {
      const request = blockRequest(message);
      if (request !== undefined) take(request);
      else if (message.kind === 'reset') resetAsAsked();
      else io.log('no request; ignored');
    },
  };
}

function commandOf(isWrite: boolean, queues: boolean, wide: boolean): number {
  if (queues) return isWrite ? r.WRITE_QUEUED : r.READ_QUEUED;
  if (wide) return isWrite ? ata.WRITE_DMA_EXT : ata.READ_DMA_EXT;
  return isWrite ? ata.WRITE_DMA : ata.READ_DMA;
}
