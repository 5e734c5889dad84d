/**
 * `refmon record`: a device's own driver at its exercise, on any backing, written down as a trace.
 *
 * The driver runs behind its monitor on this thread, and what is recorded is recorded in front of the RVM: widths and order
 * are the driver's own. Descriptors are those that the monitor fetched to judge a write; of a device with pools, each
 * structure that a store has touched. A driver that is refused something ends the recording.
 */
import { readFileSync } from 'node:fs';
import { runInThisContext } from 'node:vm';
import type { DescriptorMemory, MonitorModule } from '../../dsslang/runtime.ts';
import type { DriverProgram, Granted, MediatedDevice, OpenBacking, Rvm } from '../../kernel/index.ts';
import { WorkError, type DeviceEntry } from '../device-entry.ts';
import { inPackage } from '../devices.ts';
import { InlineDomain } from '../inline/inline-domain.ts';
import { inRealTime } from '../inline/paced-device.ts';
import type { LoadedSpecification } from '../specification.ts';
import { createRecorder, type Recorder } from './recorder.ts';

const PATIENCE_MS = 20_000;
const STEP_MS = 1;

export interface Recording {
  /** Lines of the trace. */
  readonly lines: number;
  /** Operations of the driver. */
  readonly operations: number;
  /** The memory that all of the driver's grants lie in: what `refmon replay --grant` may be told. */
  readonly memory: { readonly address: number; readonly sizeBytes: number };
}

interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** The same monitor, which notes what descriptors it looks at. */
function watched(module: MonitorModule, note: (piece: Piece) => void): MonitorModule {
  return {
    info: module.info,
    createMonitor: (memory: DescriptorMemory) =>
      module.createMonitor({
        ...(memory.stored && { stored: memory.stored.bind(memory) }),
        fetch(address, length, target, at) {
          const fetched = memory.fetch(address, length, target, at);
          if (fetched) note({ address, bytes: target.slice(at, at + length) });
          return fetched;
        },
      }),
  };
}

/** The RVM as the driver uses it, with a line for each access. */
function recorded(rvm: Rvm, recorder: Recorder, taken: () => readonly Piece[]): MediatedDevice {
  const pools = new Map<Granted, string>();
  /** The structures of a pool that lie where something was stored. */
  function structures(address: number, length: number): void {
    for (const [{ address: base, sizeBytes }, name] of pools) {
      const size = rvm.info.pools.find((pool) => pool.name === name)?.structureBytes;
      if (size === undefined || address < base || address >= base + sizeBytes) continue;
      for (let at = address - (address % size); at < address + length; at += size) {
        const bytes = new Uint8Array(size);
        rvm.readMemory(at, bytes);
        recorder.structure(name, at, bytes);
      }
    }
  }
  return {
    now: () => rvm.now(),
    read(space, offset, width) {
      const value = rvm.read(space, offset, width);
      recorder.access(false, space, offset, width, value, []);
      return value;
    },
    write(space, offset, width, value) {
      taken();
      rvm.write(space, offset, width, value);
      recorder.access(true, space, offset, width, value, taken());
    },
    readMemory: (address, into) => rvm.readMemory(address, into),
    writeMemory(address, from) {
      rvm.writeMemory(address, from);
      structures(address, from.length);
    },
    allocate(sizeBytes, purpose, pool) {
      const granted = rvm.allocate(sizeBytes, purpose, pool);
      if (pool !== undefined) pools.set(granted, pool);
      return granted;
    },
  };
}

/**
 * @param file is created or overwritten; gzip
 * @throws WorkError if the driver is refused something, or does not do its exercise in time
 */
export async function recordDriver(
  device: DeviceEntry,
  specification: LoadedSpecification,
  open: OpenBacking,
  file: string,
): Promise<Recording> {
  const program = inPackage(device.program);
  const machine = inRealTime(open.attachHere(), open.dma);
  const recorder = createRecorder(file, device.name, () => machine.now());
  let pieces: Piece[] = [];
  const taken = (): readonly Piece[] => pieces.splice(0);
  try {
    const domain = new InlineDomain({
      device: machine,
      program: runInThisContext(readFileSync(program, 'utf8'), program) as DriverProgram,
      monitor: watched(specification.module, (piece) => void pieces.push(piece)),
      name: device.name,
      mediate: (rvm) => recorded(rvm, recorder, taken),
    });
    pieces = [];
    const { messages } = domain;
    const step = device.exercise({ ends: open, messages, send: (message) => domain.send(message) });
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (step() === 'going') {
      if (domain.fault !== undefined || performance.now() > giveUpAt) {
        throw new WorkError(`${device.name} did not do its exercise; the trace is not complete`, domain.fault);
      }
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      domain.poll();
    }
    domain.stop();
    const ends = domain.grants.map(({ address, sizeBytes }) => address + sizeBytes);
    const memory = { address: open.dma.base, sizeBytes: Math.max(open.dma.base, ...ends) - open.dma.base };
    return { lines: recorder.lines, operations: domain.operations, memory };
  } finally {
    recorder.close();
    machine.detach();
  }
}
