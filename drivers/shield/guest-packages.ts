/**
 * The guest's kernel and its shell, from the Debian archive: downloaded by apt, unpacked by dpkg, installed nowhere.
 *
 * The kernel is whatever `linux-image-amd64` depends on today; no version is written down here. What the shield's
 * devices need of it (the kernel itself and some dozens of the four thousand modules) is kept in a cache folder, and the
 * rest is thrown away. The cache is filled in a folder of its own and renamed, so it is complete or it is not there.
 * apt checks the archive's signatures; this file checks nothing of its own.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ShieldError } from './errors.ts';
import { closure, indexModules } from './modules.ts';

/** Debian's name for "the present kernel". */
const META_PACKAGE = 'linux-image-amd64';
const SHELL_PACKAGE = 'busybox-static';
const DOWNLOAD_MS = 300_000;
const OUTPUT_MAX_BYTES = 8 << 20;

export interface GuestPackages {
  /** The kernel's package, which is also its version: `linux-image-6.1.0-56-amd64`. */
  readonly kernelPackage: string;
  readonly kernel: string;
  readonly busybox: string;
  /** Module files by name; see `modules.ts`. */
  readonly modules: ReadonlyMap<string, string>;
}

/** `$REFMON_CACHE`, or the user's cache folder (XDG Base Directory Specification). */
export function cacheFolder(): string {
  const own = process.env['REFMON_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = process.env['XDG_CACHE_HOME'];
  return join(xdg !== undefined && xdg !== '' ? xdg : join(homedir(), '.cache'), 'refmon');
}

/** What is in the cache and has all of `modules`; undefined if nothing is. */
export function cachedGuest(modules: readonly string[], cache = cacheFolder()): GuestPackages | undefined {
  const folder = join(cache, `guest-${fingerprint(modules)}`);
  if (!existsSync(folder)) return undefined;
  const kernelPackage = readdirSync(folder).find((name) => name.startsWith('linux-image-'));
  return kernelPackage === undefined ? undefined : describe(folder, kernelPackage);
}

/**
 * The guest's parts from the cache, or else from the Debian archive.
 * @param modules what the devices need, without what these need
 * @param note told of each step that takes time
 * @throws ShieldError ENV_GUEST_KERNEL with what to do
 */
export async function obtainGuest(
  modules: readonly string[],
  note: (text: string) => void,
  cache = cacheFolder(),
): Promise<GuestPackages> {
  const cached = cachedGuest(modules, cache);
  if (cached !== undefined) return cached;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'incomplete-'));
  try {
    const kernelPackage = await download(work, note);
    note(`unpacking ${kernelPackage}`);
    await unpack(work);
    const folder = join(work, 'kept');
    keep(work, folder, kernelPackage, modules);
    const final = join(cache, `guest-${fingerprint(modules)}`);
    try {
      renameSync(folder, final);
    } catch (error) {
      if (!existsSync(final)) throw error; // or else someone else was faster, with the same content
    }
    return describe(final, kernelPackage);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function fingerprint(modules: readonly string[]): string {
  return createHash('sha256')
    .update([...modules].sort().join())
    .digest('hex')
    .slice(0, 12);
}

function describe(folder: string, kernelPackage: string): GuestPackages {
  const modules = indexModules(join(folder, 'modules'));
  return { kernelPackage, kernel: join(folder, kernelPackage), busybox: join(folder, 'busybox'), modules };
}

async function download(work: string, note: (text: string) => void): Promise<string> {
  if (process.arch !== 'x64') {
    throw new ShieldError('ENV_GUEST_KERNEL', `the guest is an x86-64 machine, and this is ${process.arch}; not tried`);
  }
  const attempt = async (): Promise<string> => {
    const kernelPackage = await currentKernel(work);
    note(`downloading ${kernelPackage} and ${SHELL_PACKAGE} from the Debian archive (about 70 MB, once)`);
    // As root, apt would give the download to another user, who cannot write here, and complain.
    const user = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
    await tool('apt-get', [...user, 'download', '-qq', kernelPackage, SHELL_PACKAGE], work);
    return kernelPackage;
  };
  try {
    return await attempt();
  } catch (error) {
    // Lists that were never fetched, or that name a kernel which the archive no longer has.
    if (process.getuid?.() !== 0 || isMissingTool(error)) throw error;
    note('refreshing the package lists (apt-get update)');
    await tool('apt-get', ['update', '-qq'], work);
    return attempt();
  }
}

/** The package that the meta package depends on, such as `linux-image-6.1.0-56-amd64`. */
async function currentKernel(work: string): Promise<string> {
  const output = await tool('apt-cache', ['depends', META_PACKAGE], work);
  const found = /^\s*Depends:\s+(linux-image-\S+)$/m.exec(output)?.[1];
  if (found !== undefined) return found;
  throw cannot(`apt knows no package \`${META_PACKAGE}\``);
}

async function unpack(work: string): Promise<void> {
  for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
    await tool('dpkg', ['-x', file, 'unpacked'], work);
  }
}

/** Picks what is needed out of what was unpacked. */
function keep(work: string, folder: string, kernelPackage: string, modules: readonly string[]): void {
  const unpacked = join(work, 'unpacked');
  const kernel = readdirSync(join(unpacked, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  const busybox = ['usr/bin/busybox', 'bin/busybox']
    .map((path) => join(unpacked, path))
    .find((path) => existsSync(path));
  const library = ['lib/modules', 'usr/lib/modules']
    .map((path) => join(unpacked, path))
    .find((path) => existsSync(path));
  if (kernel === undefined || busybox === undefined || library === undefined) {
    throw new ShieldError('ENV_GUEST_KERNEL', `${kernelPackage} does not hold a kernel, its modules and a busybox`);
  }
  const index = indexModules(library);
  mkdirSync(join(folder, 'modules'), { recursive: true });
  copyFileSync(join(unpacked, 'boot', kernel), join(folder, kernelPackage));
  copyFileSync(busybox, join(folder, 'busybox'));
  for (const name of closure(index, modules)) {
    const file = index.get(name);
    if (file !== undefined) copyFileSync(file, join(folder, 'modules', `${name}.ko`));
  }
}

const ADVICE =
  'the shield needs apt and dpkg, as Debian 12 has them, and its archive: ' +
  '`apt-get update`, then `refmon shield --setup`; or set REFMON_CACHE to a folder filled on such a machine';

function cannot(what: string, cause?: unknown): ShieldError {
  return new ShieldError('ENV_GUEST_KERNEL', `no kernel for the guest: ${what}; ${ADVICE}`, { cause });
}

function isMissingTool(error: unknown): boolean {
  return error instanceof ShieldError && (error.cause as { code?: unknown } | undefined)?.code === 'ENOENT';
}

async function tool(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const options = { cwd, timeout: DOWNLOAD_MS, maxBuffer: OUTPUT_MAX_BYTES, env: { ...process.env, LC_ALL: 'C' } };
    const { stdout } = await promisify(execFile)(program, args, options);
    return stdout;
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: unknown };
    const said = (stderr ?? '').trim().split('\n').at(-1) ?? '';
    const why = code === 'ENOENT' ? 'is not installed' : `failed${said === '' ? '' : `: ${said}`}`;
    throw cannot(`\`${program}\` ${why}`, error);
  }
}
