/** The language's tools as people run them: real processes, real files in a folder of their own. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nameFrom, scaffold } from '../init/scaffold.ts';
import { codes } from '../explain/page.ts';
import { watchSpecifications } from './watch.ts';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const root = packageRoot();
const refmon = join(root, 'bin', 'refmon.cjs');
const folder = mkdtempSync(join(tmpdir(), 'refmon-tools-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(args: readonly string[], options: { input?: string; cwd?: string } = {}) {
  const done = spawnSync(process.execPath, [refmon, ...args], { encoding: 'utf8', cwd: folder, ...options });
  return { exit: done.status, out: done.stdout, err: done.stderr };
}

const messy = 'device d{\n match pci 1234:0001\nreset{delay 1ms}\n}';
const tidy = 'device d {\n  match pci 1234:0001\n  reset { delay 1ms }\n}\n';

test('`fmt` rewrites a file, says so once, and then has nothing to do', () => {
  const file = join(folder, 'messy.dss');
  writeFileSync(file, messy);
  assert.deepEqual(run(['fmt', '--check', file]), { exit: 1, out: '', err: `not formatted: ${file}\n` });
  assert.equal(readFileSync(file, 'utf8'), messy);
  assert.deepEqual(run(['fmt', file]), { exit: 0, out: '', err: `formatted: ${file}\n` });
  assert.equal(readFileSync(file, 'utf8'), tidy);
  assert.deepEqual(run(['fmt', '--check', file]), { exit: 0, out: '', err: '' });
});

test('`fmt -` formats standard input; a file with mistakes is left alone', () => {
  assert.deepEqual(run(['fmt', '-'], { input: messy }), { exit: 0, out: tidy, err: '' });
  const file = join(folder, 'broken.dss');
  writeFileSync(file, 'device d {');
  const { exit, err } = run(['fmt', file]);
  assert.equal(exit, 1);
  assert.match(err, /DSS001/);
  assert.equal(readFileSync(file, 'utf8'), 'device d {');
});

test('`explain` lists every code, shows one, and suggests for a slip', () => {
  const list = run(['explain']);
  assert.equal(list.exit, 0);
  assert.deepEqual(
    list.out
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 6)),
    codes(),
  );
  const one = run(['explain', 'dss204']);
  assert.equal(one.exit, 0);
  assert.match(one.out, /^error DSS204: .*\n\n.*[^]*\nwrong:\n\n  device[^]*\nright:\n\n  device/);
  const none = run(['explain', 'DSS999']);
  assert.equal(none.exit, 2);
  assert.match(none.err, /there is no page for `DSS999`/);
  assert.equal(run(['explain', '--all']).out, readFileSync(join(root, 'docs', 'errors.md'), 'utf8'));
});

test('`check --cost` prints steps and bytes, also for tools', () => {
  const file = join(root, 'examples/01-doorbell/doorbell.dss');
  const { exit, out } = run(['check', '--cost', file]);
  assert.equal(exit, 0);
  assert.match(out, /\n +\d+ steps {2}write TAIL in engine == Running\n/);
  assert.match(out, /\n +\d+ bytes {2}state \d+ \(\d+ bits\)/);
  const document = JSON.parse(run(['check', '--cost', file, '--format', 'json']).out) as {
    files: { cost: { handlers: unknown[]; monitorBytes: number } }[];
  };
  assert.ok((document.files[0]?.cost.handlers.length ?? 0) > 5);
});

test('`graph` draws each machine, as DOT and as a picture', () => {
  const file = join(root, 'drivers/e1000/e1000.dss');
  const dot = run(['graph', file]);
  assert.equal(dot.exit, 0);
  assert.match(dot.out, /subgraph cluster_0 \{\n {4}label="machine tx"/);
  assert.match(dot.out, /label="write TCTL \[TCTL\.EN\]"/);
  const imports = run(['graph', join(root, 'dsslang/ui/ok/templates.dss')]);
  assert.equal(imports.exit, 0, imports.err);
  const picture = join(folder, 'e1000.svg');
  assert.equal(run(['graph', file, '-o', picture]).exit, 0);
  const svg = readFileSync(picture, 'utf8');
  assert.match(svg, /<svg [^]*write TCTL \[not TCTL\.EN\][^]*<\/svg>/);
});

test('`init` writes a specification, a driver and tests that pass', () => {
  const dir = join(folder, 'my-card');
  const made = run(['init', dir]);
  assert.equal(made.exit, 0, made.err);
  assert.ok(made.err.includes(`next: cd ${dir} && npm install ${root} && node --test`), made.err);
  assert.deepEqual(readdirSync(dir).sort(), [
    'README.md',
    'device.js',
    'driver.js',
    'driver.test.js',
    'my_card.dss',
    'package.json',
  ]);
  const check = run(['check', '--deny-warnings', join(dir, 'my_card.dss')]);
  assert.equal(check.exit, 0, check.err);
  assert.equal(run(['fmt', '--check', join(dir, 'my_card.dss')]).exit, 0);
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(root, join(dir, 'node_modules', 'refmon'), 'dir');
  // This process may be under test itself; its runner must not be taken for the one below.
  const env = { ...process.env };
  delete env['NODE_TEST_CONTEXT'];
  const tests = spawnSync(process.execPath, ['--test', '--test-reporter=tap'], { cwd: dir, encoding: 'utf8', env });
  assert.equal(tests.status, 0, `${tests.stdout}${tests.stderr}`);
  assert.match(tests.stdout, /^# pass 4$/m);
  assert.match(tests.stdout, /^# fail 0$/m);

  const again = run(['init', dir]);
  assert.equal(again.exit, 1);
  assert.match(again.err, /nothing written: .* already has /);
  assert.equal(run(['init', join(folder, 'other'), '--name', 'no name']).exit, 1);
});

test('names of devices are made from folders, and words of the language are refused', () => {
  assert.equal(nameFrom('my-card'), 'my_card');
  assert.equal(nameFrom('8139'), '_8139');
  assert.equal(nameFrom(''), 'example_device');
  assert.throws(() => scaffold([], 'register'), { code: 'INIT_NAME' });
  assert.throws(() => scaffold([], 'a"b'), { code: 'INIT_NAME' });
});

test('`check --watch` checks again after a change, and an interrupt ends it with the last verdict', async () => {
  const file = join(folder, 'watched.dss');
  writeFileSync(file, messy);
  const child = spawn(process.execPath, [refmon, 'check', '--watch', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let seen = '';
  const until = async (pattern: RegExp): Promise<void> => {
    const deadline = Date.now() + 20_000;
    while (!pattern.test(seen)) {
      assert.ok(Date.now() < deadline, `waiting for ${pattern}:\n${seen}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  await until(/ok {2}.*\n[^]*watching/);
  assert.doesNotMatch(seen, /\u001B/, 'no screen is cleared where there is none');
  seen = '';
  writeFileSync(file, 'device d { reset { delay 1ms } } device e { }');
  await until(/DSS009[^]*watching/);
  seen = '';
  writeFileSync(file, messy);
  await until(/ok {2}.*\n[^]*watching/);
  writeFileSync(file, 'nothing');
  await until(/DSS\d+[^]*watching/);
  child.kill('SIGINT');
  assert.equal(await exited, 1);
});

test('several changes in a row are one, and files of other kinds are none', async () => {
  const dir = mkdtempSync(join(folder, 'watch-'));
  let changes = 0;
  const watching = watchSpecifications([join(dir, 'a.dss')], () => (changes += 1), 100);
  for (let index = 0; index < 5; index += 1) writeFileSync(join(dir, 'a.dss'), String(index));
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(changes, 1);
  writeFileSync(join(dir, 'notes.txt'), 'x');
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(changes, 1);
  watching.close();
  writeFileSync(join(dir, 'a.dss'), 'y');
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(changes, 1);
});

test('`--watch` cannot watch standard input', () => {
  assert.equal(run(['check', '--watch', '-'], { input: '' }).exit, 2);
});
