/** `refmon doctor`: what this machine has of what refmon can use, and what to do about the rest. */
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { debianPackage, qemuVersion } from './backing/qemu/index.ts';

export interface Finding {
  readonly what: string;
  readonly status: 'ok' | 'missing' | 'untested';
  readonly detail: string;
  /** What to do; empty if nothing. */
  readonly advice: string;
}

const NODE_MINIMUM = [20, 19] as const;
/** What the project's own tests run on. */
const QEMU_TESTED = '7.2';

export async function examine(): Promise<readonly Finding[]> {
  return [
    node(),
    await qemu('QEMU', 'qemu-system-x86_64', 'the embedded device models are used'),
    await qemu('QEMU for Arm', 'qemu-system-aarch64', '`refmon cve` can run the bugs of PCs only'),
    writable('temporary folder', tmpdir()),
    writable('shared memory', '/dev/shm'),
  ];
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const recent = major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1]);
  return {
    what: 'Node.js',
    status: recent ? 'ok' : 'missing',
    detail: process.version,
    advice: recent ? '' : `refmon needs Node.js ${NODE_MINIMUM.join('.')} or later`,
  };
}

async function qemu(what: string, program: string, without: string): Promise<Finding> {
  const version = await qemuVersion(program);
  if (version === undefined) {
    return {
      what,
      status: 'missing',
      detail: `${program} is not on the PATH; ${without}`,
      advice: `on Debian or Ubuntu: sudo apt-get install ${debianPackage(program)}`,
    };
  }
  const tested = version.startsWith(`${QEMU_TESTED}.`);
  return {
    what,
    status: tested ? 'ok' : 'untested',
    detail: version,
    advice: tested ? '' : `refmon is tested with QEMU ${QEMU_TESTED}; others usually work`,
  };
}

function writable(what: string, folder: string): Finding {
  try {
    accessSync(folder, constants.W_OK);
    return { what, status: 'ok', detail: folder, advice: '' };
  } catch {
    return { what, status: 'missing', detail: `${folder} cannot be written`, advice: `make ${folder} writable` };
  }
}
