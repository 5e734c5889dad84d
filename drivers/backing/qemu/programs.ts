/**
 * The programs of the system that this backing runs: where they are, and what to say when they are not.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DeviceError } from '../../../kernel/abi.ts';

export const QEMU_PROGRAM = 'qemu-system-x86_64';

/** The path of a program on the PATH of this moment, or undefined. A name with a slash is a path already. */
export function findProgram(name: string): string | undefined {
  const candidates = name.includes('/') ? [name] : pathFolders().map((folder) => join(folder, name));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function pathFolders(): string[] {
  return (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
}

/** Debian's package with a QEMU for this kind of machine. */
export const debianPackage = (program: string): string =>
  /-(arm|aarch64)$/.test(program) ? 'qemu-system-arm' : 'qemu-system-x86';

/** @throws DeviceError ENV_QEMU_MISSING with the line that installs it */
export function requireQemu(name: string): string {
  const found = findProgram(name);
  if (found !== undefined) return found;
  throw new DeviceError(
    'ENV_QEMU_MISSING',
    `cannot start ${name}: program not found; try \`apt-get install ${debianPackage(name)}\``,
  );
}

/** @throws DeviceError QEMU_START_FAILED for a system without the programs that every Unix has */
export function requireTool(name: string): string {
  const found = findProgram(name);
  if (found !== undefined) return found;
  throw new DeviceError('QEMU_START_FAILED', `cannot start QEMU: the program \`${name}\` is not on the PATH`);
}

/** `7.2.22`, or undefined when QEMU is not installed or does not say. For reports on the environment. */
export async function qemuVersion(name: string = QEMU_PROGRAM): Promise<string | undefined> {
  const path = findProgram(name);
  if (path === undefined) return undefined;
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 5000 });
    return /version ([0-9][0-9.]*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
