/** `refmon doctor`: what this machine has of what refmon can use, and what to do about the rest. */
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { debianPackage, qemuVersion } from './backing/qemu/index.ts';
import { findProgram } from './backing/qemu/programs.ts';
import { allModules } from './shield/devices.ts';
import { cachedGuest } from './shield/guest-packages.ts';

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
    guestKernel(),
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

/** Only `refmon shield` needs it, and fetches it by itself. */
function guestKernel(): Finding {
  const what = 'guest kernel';
  const cached = cachedGuest(allModules());
  if (cached !== undefined) return { what, status: 'ok', detail: cached.kernelPackage, advice: '' };
  if (findProgram('apt-get') === undefined || findProgram('dpkg') === undefined) {
    const detail = 'not fetched, and there is no apt-get and dpkg to fetch it; `refmon shield` cannot run';
    return {
      what,
      status: 'missing',
      detail,
      advice: 'run it on Debian, or set REFMON_CACHE to a folder filled there',
    };
  }
  const detail = 'not fetched yet; `refmon shield` does it when it first needs it';
  return { what, status: 'untested', detail, advice: 'refmon shield --setup' };
}

function writable(what: string, folder: string): Finding {
  try {
    accessSync(folder, constants.W_OK);
    return { what, status: 'ok', detail: folder, advice: '' };
  } catch {
    return { what, status: 'missing', detail: `${folder} cannot be written`, advice: `make ${folder} writable` };
  }
}
