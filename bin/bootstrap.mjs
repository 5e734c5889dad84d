// Everything a fresh clone needs before it can run: npm packages, the build, and (root on Debian or Ubuntu) QEMU.
// Says what it does; installs nothing twice; never fails where the embedded device model can stand in.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** System programs that refmon uses, and the Debian package that holds each. */
const systemPrograms = [
  { program: 'qemu-system-x86_64', debian: 'qemu-system-x86' },
  // The published bugs of `refmon cve` are mostly in parts of Arm boards.
  { program: 'qemu-system-aarch64', debian: 'qemu-system-arm' },
  { program: 'swtpm', debian: 'swtpm' },
  // Emitted C is compiled by both, in tests and in `refmon bench monitor`.
  { program: 'gcc', debian: 'gcc libc6-dev' },
  { program: 'clang', debian: 'clang' },
];

function say(text) {
  process.stderr.write(`${text}\n`);
}

function run(command, args, quiet = true) {
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: quiet ? ['ignore', 'ignore', 'pipe'] : 'inherit',
    encoding: 'utf8',
  });
  return { ok: done.status === 0, error: done.stderr ?? '' };
}

function onPath(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)));
}

function isDebianLike() {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

function installPackages() {
  if (existsSync(join(root, 'node_modules', 'chevrotain'))) return;
  say('refmon: installing the npm packages (npm ci)');
  const done = run('npm', ['ci', '--no-fund', '--no-audit']);
  if (!done.ok) {
    say(done.error.trim());
    say('refmon: `npm ci` failed; see the lines above');
    process.exit(5);
  }
}

function newestSource() {
  let newest = 0;
  for (const folder of ['bin', 'dsslang', 'kernel', 'drivers', 'ssr', 'proptests', 'examples']) {
    if (!existsSync(join(root, folder))) continue;
    for (const file of readdirSync(join(root, folder), { recursive: true })) {
      if (file.endsWith('.ts')) newest = Math.max(newest, statSync(join(root, folder, file)).mtimeMs);
    }
  }
  return newest;
}

function buildIfStale(rebuild) {
  const built = join(root, 'dist', 'cli', 'refmon.js');
  if (!rebuild && existsSync(built) && statSync(built).mtimeMs > newestSource()) return;
  say('refmon: building');
  if (!run(process.execPath, ['bin/build.mjs'], false).ok) process.exit(1);
}

function installSystemPrograms() {
  const missing = systemPrograms.filter(({ program }) => !onPath(program));
  if (missing.length === 0) return;
  const packages = missing.map(({ debian }) => debian).join(' ');
  const names = missing.map(({ program }) => program).join(', ');
  if (process.getuid?.() === 0 && isDebianLike()) {
    say(`refmon: installing ${packages} with apt-get (for real device models, a real TPM, and C)`);
    run('apt-get', ['update', '-qq']);
    const done = run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages.split(' ')]);
    if (done.ok) return;
    say(done.error.trim());
  }
  say(`refmon: ${names} not found; on Debian or Ubuntu: sudo apt-get install ${packages}`);
  say('refmon: going on with the embedded models');
}

/** Brings the checkout to where `dist/` is current. @param {{ rebuild?: boolean }} [options] rebuild even if `dist/` looks current */
export async function prepareCheckout(options = {}) {
  installPackages();
  installSystemPrograms();
  buildIfStale(options.rebuild === true);
}
