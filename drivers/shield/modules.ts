/**
 * Linux kernel modules without depmod: which modules a driver needs, in the order in which they must be loaded.
 *
 * A module says so itself, in its section `.modinfo`: strings separated by NUL, of which one is `depends=a,b` and one
 * `name=x`. Names treat `-` and `_` alike. A name for which there is no file is built into the kernel. The files are
 * ELF, but nothing else of that format matters here: the strings are found by their text. Newer kernels come with their
 * modules compressed; those are unpacked by the programs that Debian has for it.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ShieldError } from './errors.ts';

/** `snd-intel8x0`, `snd_intel8x0` and `snd-intel8x0.ko` are one. */
export function moduleName(text: string): string {
  return text.replace(/\.ko(\.\w+)?$/, '').replaceAll('-', '_');
}

const MODULE_MAX_BYTES = 64 << 20;

/**
 * A module as the kernel loads it.
 * @throws ShieldError ENV_GUEST_KERNEL when it is compressed and cannot be unpacked
 */
export function moduleBytes(file: string): Buffer {
  if (file.endsWith('.ko.xz')) return unpacked('xz', file);
  if (file.endsWith('.ko.zst')) return unpacked('zstd', file);
  const bytes = readFileSync(file);
  return file.endsWith('.ko.gz') ? gunzipSync(bytes, { maxOutputLength: MODULE_MAX_BYTES }) : bytes;
}

function unpacked(program: string, file: string): Buffer {
  try {
    return execFileSync(program, ['-d', '-c', '-q', file], {
      maxBuffer: MODULE_MAX_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (cause) {
    const missing = (cause as { code?: unknown }).code === 'ENOENT';
    const why = missing ? `\`${program}\` is not installed` : `\`${program}\` cannot unpack it`;
    throw new ShieldError('ENV_GUEST_KERNEL', `a module of the guest's kernel, ${file}: ${why}`, { cause });
  }
}

/** Every module file below `folder`, by its name. */
export function indexModules(folder: string): ReadonlyMap<string, string> {
  const index = new Map<string, string>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const base = /([^/]+)\.ko(?:\.(?:xz|zst|gz))?$/.exec(file)?.[1];
    if (base !== undefined) index.set(moduleName(base), join(folder, file));
  }
  return index;
}

/** The names after `depends=` in a module's bytes. */
export function dependenciesOf(bytes: Buffer): readonly string[] {
  const key = '\0depends=';
  const at = bytes.indexOf(key, 0, 'latin1');
  if (at === -1) return [];
  const from = at + key.length;
  const text = bytes.toString('latin1', from, Math.max(from, bytes.indexOf(0, from)));
  return text
    .split(',')
    .filter((name) => name !== '')
    .map(moduleName);
}

/**
 * The names of `wanted` and of all that they need, each after what it needs itself. Names without a file are left out.
 * @throws ShieldError ENV_GUEST_KERNEL when a wanted module itself has no file
 */
export function closure(index: ReadonlyMap<string, string>, wanted: readonly string[]): readonly string[] {
  const order = new Set<string>();
  const visiting = new Set<string>();
  const visit = (name: string): void => {
    const file = index.get(name);
    if (file === undefined || order.has(name) || visiting.has(name)) return;
    visiting.add(name);
    dependenciesOf(moduleBytes(file)).forEach(visit);
    order.add(name);
  };
  for (const name of wanted.map(moduleName)) {
    if (!index.has(name)) throw new ShieldError('ENV_GUEST_KERNEL', `the guest's kernel has no module \`${name}\``);
    visit(name);
  }
  return [...order];
}
