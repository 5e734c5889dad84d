/**
 * The guest's kernel and its shell, from the Debian archive: downloaded by apt, unpacked by dpkg, installed nowhere.
 *
 * The kernel is whatever `linux-image-amd64` depends on today; no version is written down here. Or it comes in package
 * files that the user has: another release of Debian, a real-time kernel, one built by hand. What the shield's devices
 * need of it (the kernel itself and some dozens of the four thousand modules) is kept in a cache folder, and the
 * rest is thrown away. The cache is filled in a folder of its own and renamed, so it is complete or it is not there.
 * apt checks the archive's signatures; this file checks nothing of its own, and runs nothing of a package but in a guest.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ShieldError } from './errors.ts';
import { closure, indexModules, moduleBytes, moduleName } from './modules.ts';

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
  return cachedAt(join(cache, folderName(modules, [])));
}

const cachedAt = (folder: string): GuestPackages | undefined => (existsSync(folder) ? describe(folder) : undefined);

/**
 * The guest's parts from the cache, or else from the Debian archive.
 * @param modules what the devices need, without what these need
 * @param note told of each step that takes time
 * @param kernelFiles package files to take the kernel and its modules from, in place of Debian's present ones. It may lack
 *   modules: who needs one that is not there is told so.
 * @throws ShieldError ENV_GUEST_KERNEL with what to do
 */
export async function obtainGuest(
  modules: readonly string[],
  note: (text: string) => void,
  cache = cacheFolder(),
  kernelFiles: readonly string[] = [],
): Promise<GuestPackages> {
  const final = join(cache, folderName(modules, kernelFiles));
  const cached = cachedAt(final);
  if (cached !== undefined) return cached;
  const work = workFolder(cache);
  try {
    const shell = kernelFiles.length === 0 ? undefined : shellIn(cache);
    if (kernelFiles.length === 0) await download(work, note);
    else if (shell === undefined) await downloadShell(work, note);
    const files = [...kernelFiles.map((file) => resolve(file)), ...debsIn(work)];
    note(`unpacking ${files.map((file) => basename(file).replace(/_.*/, '')).join(', ')}`);
    for (const file of files) await tool('dpkg', ['-x', file, 'unpacked'], work);
    const folder = join(work, 'kept');
    keep(work, folder, modules, shell, kernelFiles.length > 0);
    try {
      renameSync(folder, final);
    } catch (error) {
      if (!existsSync(final)) throw error; // or else someone else was faster, with the same content
    }
    return describe(final);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Any guest's shell will do. */
function shellIn(cache: string): string | undefined {
  const folders = readdirSync(cache).filter((name) => name.startsWith('guest-'));
  return folders.map((name) => join(cache, name, 'busybox')).find((path) => existsSync(path));
}

/** Named after all that its content depends on; Debian's present kernel keeps its name until it is removed. */
function folderName(modules: readonly string[], kernelFiles: readonly string[]): string {
  const key = createHash('sha256').update([...modules].sort().join());
  for (const file of kernelFiles) key.update(basename(file)).update(contentOf(file));
  return `guest-${key.digest('hex').slice(0, 12)}`;
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ShieldError('ENV_GUEST_KERNEL', `the kernel's package \`${file}\` cannot be read`, { cause });
  }
}

function describe(folder: string): GuestPackages {
  const kernelPackage = readdirSync(folder).find((name) => name.startsWith(KERNEL_NAME));
  if (kernelPackage === undefined) throw cannot(`${folder} holds none; remove it`);
  const modules = indexModules(join(folder, 'modules'));
  return { kernelPackage, kernel: join(folder, kernelPackage), busybox: join(folder, 'busybox'), modules };
}

/** What the archive calls the kernel of a version; so are kernels named in the cache. */
const KERNEL_NAME = 'linux-image-';

/** Debian's present kernel, and the shell. */
async function download(work: string, note: (text: string) => void): Promise<void> {
  await withFreshLists(work, note, async () => {
    const kernelPackage = await currentKernel(work);
    note(`downloading ${kernelPackage} and ${SHELL_PACKAGE} from the Debian archive (about 70 MB, once)`);
    await fetchPackages(work, [kernelPackage, SHELL_PACKAGE]);
  });
}

async function downloadShell(work: string, note: (text: string) => void): Promise<void> {
  await withFreshLists(work, note, () => fetchPackages(work, [SHELL_PACKAGE]));
}

async function fetchPackages(work: string, names: readonly string[]): Promise<void> {
  // As root, apt would give the download to another user, who cannot write here, and complain.
  const user = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  await tool('apt-get', [...user, 'download', '-qq', ...names], work);
}

async function withFreshLists(work: string, note: (text: string) => void, attempt: () => Promise<void>): Promise<void> {
  if (process.arch !== 'x64') {
    throw new ShieldError('ENV_GUEST_KERNEL', `the guest is an x86-64 machine, and this is ${process.arch}; not tried`);
  }
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

const debsIn = (folder: string): readonly string[] => readdirSync(folder).filter((name) => name.endsWith('.deb'));

/** The package that the meta package depends on, such as `linux-image-6.1.0-56-amd64`. */
async function currentKernel(work: string): Promise<string> {
  const output = await tool('apt-cache', ['depends', META_PACKAGE], work);
  const found = /^\s*Depends:\s+(linux-image-\S+)$/m.exec(output)?.[1];
  if (found !== undefined) return found;
  throw cannot(`apt knows no package \`${META_PACKAGE}\``);
}

/** Picks what is needed out of what was unpacked. */
function keep(
  work: string,
  folder: string,
  modules: readonly string[],
  shell: string | undefined,
  mayLack: boolean,
): void {
  const unpacked = join(work, 'unpacked');
  const firstOf = (...paths: readonly string[]): string | undefined =>
    paths.map((path) => join(unpacked, path)).find((path) => existsSync(path));
  const busybox = shell ?? firstOf('usr/bin/busybox', 'bin/busybox');
  const library = firstOf('lib/modules', 'usr/lib/modules');
  const version = library === undefined ? undefined : readdirSync(library)[0];
  // Since Debian 14 the kernel lies beside its modules.
  const kernel = firstOf(
    `boot/vmlinuz-${version}`,
    `lib/modules/${version}/vmlinuz`,
    `usr/lib/modules/${version}/vmlinuz`,
  );
  if (kernel === undefined || busybox === undefined || library === undefined || version === undefined) {
    const found = version === undefined ? 'no modules' : kernel === undefined ? 'no kernel' : 'no busybox';
    throw new ShieldError('ENV_GUEST_KERNEL', `the packages do not hold a kernel and its modules: ${found}`);
  }
  const index = indexModules(library);
  mkdirSync(join(folder, 'modules'), { recursive: true });
  copyFileSync(kernel, join(folder, KERNEL_NAME + version));
  copyFileSync(busybox, join(folder, 'busybox'));
  const wanted = mayLack ? modules.filter((name) => index.has(moduleName(name))) : modules;
  for (const name of closure(index, wanted)) {
    const file = index.get(name);
    if (file !== undefined) writeFileSync(join(folder, 'modules', `${name}.ko`), moduleBytes(file));
  }
}

function workFolder(cache: string): string {
  try {
    mkdirSync(cache, { recursive: true });
    return mkdtempSync(join(cache, 'incomplete-'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const advice = 'set REFMON_CACHE to a folder that can be written';
    throw new ShieldError('ENV_GUEST_KERNEL', `no room for the guest's kernel in ${cache}: ${why}; ${advice}`, {
      cause: error,
    });
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
