/**
 * What the system tests share: the e1000 with its compiled specification, opened on the model and on QEMU, and a look at
 * what a test has left on this machine.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { modelBacking, type OpenModelBacking } from '../../drivers/backing/model/model-backing.ts';
import { availableBackings, inPackage, loadDeviceSpecification } from '../../drivers/devices.ts';
import { E1000 } from '../../drivers/e1000/entry.ts';
import { e1000Model } from '../../drivers/e1000/model.ts';
import type { Ipd, Kernel, OpenBacking } from '../../kernel/index.ts';

export const SPECIFICATION = await loadDeviceSpecification(E1000);
export const PROGRAM = readFileSync(inPackage(E1000.program), 'utf8');

/** For `skip`: false where QEMU is installed, else what is missing. */
export const QEMU_MISSING = (await availableBackings()).includes('qemu')
  ? false
  : 'qemu-system-x86_64 is not installed; try `apt-get install qemu-system-x86`';

export const openModel = (): Promise<OpenModelBacking> => modelBacking(e1000Model).open();
export const openQemu = (): Promise<OpenBacking> => E1000.backings.qemu().open();

/** The honest driver behind the compiled monitor. */
export function spawnHonest(kernel: Kernel, backing: OpenBacking): Promise<Ipd> {
  return kernel.spawn({ name: 'e1000', program: PROGRAM, monitorModule: SPECIFICATION.source, backing });
}

/** What this process has on the machine beyond its own memory. */
export interface Holdings {
  readonly files: readonly string[];
  readonly threads: number;
  readonly descriptors: number;
  readonly children: readonly string[];
}

export function holdings(): Holdings {
  const files = [tmpdir(), '/dev/shm'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(`refmon-${process.pid}-`))
      .map((name) => `${folder}/${name}`),
  );
  return {
    files: files.sort(),
    threads: readdirSync('/proc/self/task').length,
    descriptors: readdirSync('/proc/self/fd').length,
    children: childPids(),
  };
}

/** Processes that this one started and that still run. */
export function childPids(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => {
      try {
        const [, state, parent] = /\) (\S) ([0-9]+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
        return Number(parent) === process.pid && state !== 'Z';
      } catch {
        return false; // it ended while we looked
      }
    });
}
