/** What can be wrong around a guest, without booting one: each has its type, and none leaves anything behind. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import { createConfigSpace } from './config-space.ts';
import { SHIELD_ROWS } from './devices.ts';
import { ShieldError, type ShieldErrorCode } from './errors.ts';
import { obtainGuest } from './guest-packages.ts';
import { CONFIG_WRITES_BURST, serveProxy, type ProxyTarget } from './proxy-server.ts';
import { runShield } from './run.ts';

const scratch = mkdtempSync(join(tmpdir(), 'refmon-shield-test-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const typed =
  (code: ShieldErrorCode, text: RegExp) =>
  (error: unknown): boolean =>
    error instanceof ShieldError && error.code === code && text.test(error.message);

async function withPath<T>(path: string, run: () => Promise<T>): Promise<T> {
  const before = process.env['PATH'];
  process.env['PATH'] = path;
  try {
    return await run();
  } finally {
    process.env['PATH'] = before;
  }
}

test('without apt there is no kernel for the guest, and the error says what to do', async () => {
  const cache = join(scratch, 'cache');
  const nothing = join(scratch, 'nothing');
  mkdirSync(nothing);
  const obtaining = withPath(nothing, () => obtainGuest(['e1000'], () => undefined, cache));
  await assert.rejects(obtaining, typed('ENV_GUEST_KERNEL', /`apt-cache` is not installed; .*refmon shield --setup/));
  assert.deepEqual(readdirSync(cache), [], 'what was begun is removed');
});

/** A Debian package with these files, made by dpkg. */
function packageOf(name: string, files: Readonly<Record<string, Uint8Array>>): string {
  const root = join(scratch, name);
  mkdirSync(join(root, 'DEBIAN'), { recursive: true });
  const control = `Package: ${name}\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody <nobody@localhost>\nDescription: ${name}\n`;
  writeFileSync(join(root, 'DEBIAN', 'control'), control);
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  }
  execFileSync('dpkg-deb', ['-Znone', '--root-owner-group', '--build', root, `${root}.deb`], { stdio: 'pipe' });
  return `${root}.deb`;
}

const MODULE = Buffer.from('\0depends=mii\0');

test('a kernel of the user’s own: its package, or two; modules as they are, or compressed; kept under its content', async () => {
  const cache = join(scratch, 'own-cache');
  mkdirSync(join(cache, 'guest-other'), { recursive: true });
  writeFileSync(join(cache, 'guest-other', 'busybox'), 'a shell');
  const kernel = packageOf('linux-binary', { 'usr/lib/modules/9.9-rt/vmlinuz': Buffer.from('a kernel') });
  const modules = packageOf('linux-modules', {
    'usr/lib/modules/9.9-rt/kernel/net/8139cp.ko.gz': gzipSync(MODULE),
    'usr/lib/modules/9.9-rt/kernel/net/mii.ko': Buffer.from('mii'),
    'usr/lib/modules/9.9-rt/kernel/net/another.ko': Buffer.from('not wanted'),
  });
  const said: string[] = [];
  const obtain = () => obtainGuest(['8139cp', 'e1000'], (text) => said.push(text), cache, [kernel, modules]);
  const guest = await obtain();
  assert.equal(guest.kernelPackage, 'linux-image-9.9-rt');
  assert.equal(readFileSync(guest.kernel, 'utf8'), 'a kernel');
  assert.equal(readFileSync(guest.busybox, 'utf8'), 'a shell');
  assert.deepEqual([...guest.modules.keys()].sort(), ['8139cp', 'mii'], 'what is there of what is wanted');
  assert.deepEqual(readFileSync(guest.modules.get('8139cp') ?? ''), MODULE, 'unpacked');
  assert.deepEqual(said, ['unpacking linux-binary.deb, linux-modules.deb']);
  assert.deepEqual(await obtain(), guest);
  assert.equal(said.length, 1, 'once');

  const older = packageOf('linux-image', {
    'boot/vmlinuz-5.0': Buffer.from('an older kernel'),
    'lib/modules/5.0/8139cp.ko': MODULE,
  });
  const second = await obtainGuest(['8139cp'], () => undefined, cache, [older]);
  assert.equal(second.kernelPackage, 'linux-image-5.0');
  assert.deepEqual(
    readdirSync(cache).filter((name) => name.startsWith('incomplete')),
    [],
  );
});

test('what is no kernel’s package is refused with what is wrong', async () => {
  const cache = join(scratch, 'bad-cache');
  mkdirSync(join(cache, 'guest-other'), { recursive: true });
  writeFileSync(join(cache, 'guest-other', 'busybox'), 'a shell');
  const text = join(scratch, 'text.deb');
  writeFileSync(text, 'no package');
  const obtain = (file: string) => obtainGuest(['8139cp'], () => undefined, cache, [file]);
  await assert.rejects(obtain(join(scratch, 'absent.deb')), typed('ENV_GUEST_KERNEL', /absent\.deb` cannot be read/));
  await assert.rejects(obtain(text), typed('ENV_GUEST_KERNEL', /`dpkg` failed/));
  const empty = packageOf('empty', { 'usr/share/doc/empty': Buffer.from('') });
  await assert.rejects(obtain(empty), typed('ENV_GUEST_KERNEL', /do not hold a kernel and its modules: no modules/));
  const modules = packageOf('modules-only', { 'lib/modules/9.9/8139cp.ko': MODULE });
  await assert.rejects(obtain(modules), typed('ENV_GUEST_KERNEL', /: no kernel/));
  const damaged = packageOf('damaged', {
    'boot/vmlinuz-9.9': Buffer.from(''),
    'lib/modules/9.9/8139cp.ko.xz': Buffer.from('not xz'),
  });
  await assert.rejects(
    obtain(damaged),
    typed('ENV_GUEST_KERNEL', /8139cp\.ko\.xz: `xz` (cannot unpack it|is not installed)/),
  );
  assert.deepEqual(readdirSync(cache), ['guest-other'], 'nothing is kept of it');
});

test('a cache that cannot be written is told with what to set', async () => {
  const file = join(scratch, 'file');
  writeFileSync(file, '');
  const obtaining = obtainGuest(['e1000'], () => undefined, join(file, 'cache'));
  await assert.rejects(obtaining, typed('ENV_GUEST_KERNEL', /ENOTDIR.*set REFMON_CACHE/));
});

test('a QEMU whose proxy protocol is untested is refused by its version', async () => {
  const [row] = SHIELD_ROWS;
  assert.ok(row !== undefined);
  const folder = join(scratch, 'bin');
  mkdirSync(folder);
  const program = join(folder, 'qemu-system-x86_64');
  writeFileSync(program, '#!/bin/sh\necho "QEMU emulator version 9.9.1"\n');
  chmodSync(program, 0o755);
  const specification = await loadSpecification(inPackage(row.specification), row.specification);
  const guest = { kernelPackage: 'none', kernel: 'none', busybox: 'none', modules: new Map<string, string>() };
  const running = withPath(`${folder}:${process.env['PATH'] ?? ''}`, () =>
    runShield({ row, specification, guest, rogue: false }),
  );
  await assert.rejects(running, typed('ENV_QEMU_UNTESTED', /9\.9\.1.*7\.2.*--any-qemu/));
});

let sockets = 0;

/** Two ends of a real socket: the server's is the shield's, the other the guest's. */
async function socketPair(): Promise<{ ours: Socket; guests: Socket; close: () => void }> {
  const server = createServer();
  const path = join(scratch, `socket-${(sockets += 1)}`);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const guests = createConnection(path);
  const ours = await accepted;
  const close = (): void => {
    ours.destroy();
    guests.destroy();
    server.close();
  };
  return { ours, guests, close };
}

interface Recorded extends ProxyTarget {
  readonly log: string[];
}

function recordingTarget(): Recorded {
  const log: string[] = [];
  return {
    log,
    read: (space, offset, width) => {
      log.push(`read ${space} ${offset} ${width}`);
      return 0x1234_5678;
    },
    write: (space, offset, width, value) => void log.push(`write ${space} ${offset} ${width} ${value}`),
    reset: () => void log.push('reset'),
  };
}

const BARS = [{ bar: 0, kind: 'memory', sizeBytes: 4096 }] as const;

function request(command: number, fields: readonly (readonly [size: number, value: number])[]): Buffer {
  const bytes = fields.reduce((sum, [size]) => sum + size, 0);
  const buffer = Buffer.alloc(16 + bytes);
  buffer.writeInt32LE(command, 0);
  buffer.writeBigUInt64LE(BigInt(bytes), 8);
  let at = 16;
  for (const [size, value] of fields) {
    if (size === 8) buffer.writeBigUInt64LE(BigInt(value), at);
    else buffer.writeUIntLE(value, at, size);
    at += size;
  }
  return buffer;
}

const configWrite = (offset: number, value: number, width: number): Buffer =>
  request(2, [
    [4, offset],
    [4, value],
    [4, width],
  ]);
const bar = (command: number, address: number, value: number, width: number): Buffer =>
  request(command, [
    [8, address],
    [8, value],
    [4, width],
    [1, 1],
    [3, 0],
  ]);

/** Sends requests; resolves with the answers' values, or with the failure. */
async function converse(
  target: ProxyTarget,
  requests: readonly Buffer[],
): Promise<{ values: bigint[]; failure: unknown }> {
  const { ours, guests, close } = await socketPair();
  try {
    return await new Promise((resolve) => {
      const values: bigint[] = [];
      let bytes = Buffer.alloc(0);
      const options = { socket: ours, target, config: createConfigSpace(BARS), now: () => 0 };
      serveProxy({ ...options, onFailure: (failure) => setImmediate(() => resolve({ values, failure })) });
      guests.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        for (; bytes.length >= 24; bytes = bytes.subarray(24)) values.push(bytes.readBigUInt64LE(16));
        if (values.length === requests.length) resolve({ values, failure: undefined });
      });
      guests.write(Buffer.concat(requests));
    });
  } finally {
    close();
  }
}

test('accesses reach the device by BAR and offset, strays reach nothing, a reset is passed on', async () => {
  const target = recordingTarget();
  const { values, failure } = await converse(target, [
    configWrite(0x10, 0xfebc_0000, 4),
    bar(4, 0xfebc_0010, 7, 4),
    bar(5, 0xfebc_0014, 0, 4),
    bar(5, 0xfebc_0018, 0, 8),
    bar(5, 0xfebd_0000, 0, 2),
    bar(4, 0xfebc_0ffe, 1, 4),
    request(7, []),
  ]);
  assert.equal(failure, undefined);
  assert.deepEqual(values, [0n, 0n, 0x1234_5678n, 0x1234_5678_1234_5678n, 0xffffn, 0n, 0n]);
  assert.deepEqual(target.log, ['write 0 16 4 7', 'read 0 20 4', 'read 0 24 4', 'read 0 28 4', 'reset']);
});

test('a guest that floods the configuration space is given up, one past the limit', async () => {
  const write = configWrite(0x0c, 1, 1);
  const atLimit = await converse(
    recordingTarget(),
    Array.from({ length: CONFIG_WRITES_BURST }, () => write),
  );
  assert.equal(atLimit.failure, undefined);
  const past = await converse(
    recordingTarget(),
    Array.from({ length: CONFIG_WRITES_BURST + 1 }, () => write),
  );
  assert.ok(typed('GUEST_FLOOD', /more than 10 times a second/)(past.failure));
});

test('nonsense from the guest’s QEMU ends the conversation with its type', async () => {
  const { failure } = await converse(recordingTarget(), [request(3, [[4, 0]]), request(7, [])]);
  assert.ok(typed('PROXY_PROTOCOL', /command 3 with 4 bytes/)(failure));
});

test('a device has one guest at a time', async () => {
  const target = recordingTarget();
  const first = await socketPair();
  const second = await socketPair();
  const options = { target, config: createConfigSpace(BARS), now: () => 0, onFailure: () => undefined };
  serveProxy({ ...options, socket: first.ours });
  assert.throws(() => serveProxy({ ...options, socket: second.ours }), typed('DEVICE_BUSY', /another guest/));
  const closed = new Promise((resolve) => first.ours.once('close', resolve));
  first.close();
  await closed;
  serveProxy({ ...options, socket: second.ours });
  second.close();
});
