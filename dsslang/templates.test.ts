/**
 * Templates and imports: what is written out means what it would mean written by hand, rules name the file they stand in,
 * and no file, however hostile, makes the compiler read elsewhere, run long or grow without bound.
 */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { compile, type CompileResult } from './compile.ts';
import { FILES_MAX, IMPORT_DEPTH_MAX, resolveImport, type Load } from './imports.ts';
import { InterpretedMonitor } from './interpreter/monitor.ts';
import type { Program } from './ir.ts';
import { loadFrom } from './load.ts';
import { renderDiagnostics } from './render.ts';
import { SOURCE_BYTES_MAX } from './source.ts';
import { bench, languageFolder, specification } from './testing/device-bench.ts';

const here = join(languageFolder(), 'testing');

/** Files by path; `std/` from the language's own folder. */
function files(texts: Readonly<Record<string, string>>): Load {
  const standard = loadFrom(join(here, 'x.dss'));
  return (file) => (file.from === 'standard' ? standard(file) : texts[file.path]);
}

function program(result: CompileResult): Program {
  assert.ok(result.program, renderDiagnostics(result.diagnostics));
  return result.program;
}

const codes = (result: CompileResult): string[] => result.diagnostics.map((each) => each.code);

const device = (body: string, before = ''): string =>
  `${before} device d { match pci 1234:5678 region regs = bar 0 memory 4K register A at regs+0 : u32 rw ${body} reset { write A = 0 } }`;

void test('a parameter stands for a name or a number, and a declared name takes the prefix', () => {
  const text = device(
    'include Limit(A, COUNT * 2) as a  include Limit(B, 7) as b  const COUNT = 8  register B at regs+4 : u32 rw on report A(v) { require v <= a_last "beyond" }',
    'template Limit(R, MOST) { var last : u32  on write R(v) { require v < MOST "too much" last = v } }',
  );
  const { scalars } = program(compile(text));
  assert.deepEqual(
    scalars.map((each) => each.name),
    ['a_last', 'b_last'],
  );
  const bus = bench(text);
  assert.equal(bus.write('A', 15), 'allowed');
  assert.equal(bus.write('A', 16), 'too much');
  assert.equal(bus.write('B', 6), 'allowed');
  assert.equal(bus.write('B', 7), 'too much');
  assert.equal(bus.report('A', 15), 'allowed');
  assert.equal(bus.report('A', 16), 'beyond');
});

void test('templates include templates: prefixes add up and arguments pass through', () => {
  const text = device(
    'include Outer(A, 3) as o on report A(v) { require v <= o_i_last "beyond" }',
    'template Inner(R, MOST) { var last : u32 on write R(v) { require v < MOST + 1 "too much" last = v } } template Outer(R, MOST) { include Inner(R, MOST * 2) as i }',
  );
  const bus = bench(text);
  assert.equal(bus.write('A', 6), 'allowed');
  assert.equal(bus.write('A', 7), 'too much');
  assert.equal(bus.report('A', 7), 'beyond');
});

void test('fields, members and states of a template keep their names', () => {
  const bus = bench(
    device(
      'include Switch(A) as s in s_m.On { on report A(v) { require v.EN == 1 "off" } } machine EN { One, Two } on write B(v) { if v == 1 and EN == One { EN -> Two } else { EN -> One } } register B at regs+8 : u32 rw { last = [0] }',
      'template Switch(R) { machine m { Off, On } register EXTRA at regs+4 : u32 rw { EN = [3], m = [0] } struct S size 4 { EN : u32 at 0 } var last : u32 on write R(v) { last = v for s in S at v count 1 { require s.EN == 0 "no" } if v == 0 { m -> On } } on write EXTRA(v) { if v.EN or v.m == 1 { require m == Off or last != 0 "no" } } }',
    ).replace('register A at regs+0 : u32 rw', 'register A at regs+0 : u32 rw { EN = [1] }'),
  );
  assert.equal(bus.grant(0, 64, 'commands'), 'allowed');
  assert.equal(bus.write('A', 0), 'allowed');
  assert.equal(bus.report('A', 0), 'off');
  assert.equal(bus.report('A', 2), 'allowed');
  assert.equal(bus.write('s_EXTRA', 8), 'no');
});

void test('the value of a clamp and the members of a step are copied like the rest of a template', () => {
  const bus = bench(
    device(
      'include Limited(A, 9) as low',
      'template Limited(R, MOST) { const EN = 7 var last : u8 max MOST register GO at regs+8 : u32 rw { EN = [0] } on write R(v) { require v <= MOST "large" else clamp MOST require v != EN "never" else clamp EN - 1 last = v } on report R(v) { require v == last "another" } reset { wait until GO.EN == 0 for at most 1ms } }',
    ).replace(/reset \{ write A = 0 \}/, ''),
  );
  assert.equal(bus.write('A', 200), 'large');
  assert.equal(bus.report('A', 9), 'allowed');
  assert.equal(bus.write('A', 7), 'never');
  assert.equal(bus.report('A', 6), 'allowed');
});

void test('a rule of an imported template names that file and its line', () => {
  const { rules, specificationHash } = program(
    compile('import "./lib/a.dss"\n' + device('include T(A) as t'), 'drivers/x/x.dss', {
      load: files({
        'drivers/x/lib/a.dss': '// a\ntemplate T(R) {\n  on write R(v) { require v == 0 "only zero" }\n}\n',
      }),
    }),
  );
  const rule = rules.find((each) => each.reason === 'only zero');
  assert.equal(`${rule?.file}:${rule?.line}:${rule?.column}`, 'drivers/x/lib/a.dss:3:27');
  assert.equal(rule?.text, 'v == 0');
  const changed = program(
    compile('import "./lib/a.dss"\n' + device('include T(A) as t'), 'drivers/x/x.dss', {
      load: files({
        'drivers/x/lib/a.dss': '// b\ntemplate T(R) {\n  on write R(v) { require v == 0 "only zero" }\n}\n',
      }),
    }),
  );
  assert.notEqual(changed.specificationHash, specificationHash, 'the hash covers what is imported');
});

void test('a mistake in a template is told once, in its file, with the include that met it', () => {
  const result = compile(
    'import "./a.dss"\n' + device('include T(A) as t\n include T(C) as u register C at regs+8 : u32 rw'),
    'x.dss',
    { load: files({ 'a.dss': 'template T(R) {\n  on write R(v) { missing = v }\n}\n' }) },
  );
  const [only] = result.diagnostics;
  assert.equal(result.diagnostics.length, 1);
  assert.equal(only?.source.file, 'a.dss');
  assert.equal(only?.source.slice(only.span), 'missing');
  assert.deepEqual(
    only?.labels.map((label) => [label.source.file, label.source.slice(label.span), label.text]),
    [['x.dss', 'include T(A) as t', 'included here']],
  );
  assert.equal(
    renderDiagnostics(result.diagnostics).split('\n').slice(0, 9).join('\n'),
    [
      'error[DSS101]: there is no var named `missing`',
      ' --> a.dss:2:19',
      '  |',
      '2 |   on write R(v) { missing = v }',
      '  |                   ^^^^^^^',
      ' ::: x.dss:2:93',
      '  |',
      '2 |  device d { match pci 1234:5678 region regs = bar 0 memory 4K register A at regs+0 : u32 rw include T(A) as t',
      `  | ${' '.repeat(92)}----------------- included here`,
    ].join('\n'),
  );
});

void test('paths are resolved from the importing file and never lead out of `std/`', () => {
  const from = (path: string, file: string, standard = false) =>
    resolveImport(path, { from: standard ? 'standard' : 'beside', path: file })?.path;
  assert.equal(from('./b.dss', 'x/a.dss'), 'x/b.dss');
  assert.equal(from('../b.dss', 'x/a.dss'), 'b.dss');
  assert.equal(from('../../b.dss', 'x/a.dss'), '../b.dss');
  assert.equal(from('./lib/b.dss', '/abs/a.dss'), '/abs/lib/b.dss');
  assert.equal(from('std/pci.dss', 'x/a.dss'), 'std/pci.dss');
  assert.equal(from('./list.dss', 'std/pci.dss', true), 'std/list.dss');
  assert.equal(resolveImport('./std/pci.dss', { from: 'beside', path: 'a.dss' })?.from, 'beside');
  for (const bad of [
    'b.dss',
    '/etc/passwd',
    'std/../../x',
    'std',
    '.',
    './',
    './a/../b',
    './.hidden',
    'http://x',
    './a\\b',
    '',
  ])
    assert.equal(from(bad, 'a.dss'), undefined, bad);
  assert.equal(from('../x.dss', 'std/pci.dss', true), undefined);
});

void test('imports are read once each, and their number, depth and size are bounded', () => {
  const reads: string[] = [];
  const chain = (length: number): Load => {
    return ({ path }) => {
      reads.push(path);
      const at = Number(/\d+/.exec(path)?.[0]);
      return at < length
        ? `import "./f${at + 1}.dss" import "./f1.dss"`.replace(at === 1 ? ' import "./f1.dss"' : '', '')
        : '';
    };
  };
  const start = 'import "./f1.dss"' + device('');
  // The last line of each imports the first again: a circle.
  assert.deepEqual(codes(compile(start, 'x.dss', { load: chain(2) })), ['DSS052'].slice(0, 0));
  assert.deepEqual(codes(compile(start, 'x.dss', { load: chain(3) })), ['DSS052']);
  const line =
    (length: number): Load =>
    ({ path }) => {
      const at = Number(/\d+/.exec(path)?.[0]);
      return at < length ? `import "./f${at + 1}.dss"` : '';
    };
  assert.deepEqual(codes(compile(start, 'x.dss', { load: line(IMPORT_DEPTH_MAX) })), []);
  assert.deepEqual(codes(compile(start, 'x.dss', { load: line(IMPORT_DEPTH_MAX + 1) })), ['DSS053']);
  const many = (count: number): string =>
    Array.from({ length: count }, (_, at) => `import "./f${at}.dss"\n`).join('') + device('');
  assert.deepEqual(codes(compile(many(FILES_MAX - 1), 'x.dss', { load: () => '' })), []);
  assert.deepEqual(codes(compile(many(FILES_MAX), 'x.dss', { load: () => '' })), ['DSS053']);
  const fill =
    (characters: number): Load =>
    () =>
      ' '.repeat(characters);
  assert.deepEqual(codes(compile(start, 'x.dss', { load: fill(SOURCE_BYTES_MAX - start.length) })), []);
  assert.deepEqual(codes(compile(start, 'x.dss', { load: fill(SOURCE_BYTES_MAX - start.length + 1) })), ['DSS053']);
  let count = 0;
  const twice = 'import "./a.dss" import "./b.dss"' + device('');
  const load: Load = ({ path }) => (path === 'c.dss' ? ((count += 1), '') : 'import "./c.dss"');
  assert.deepEqual(codes(compile(twice, 'x.dss', { load })), []);
  assert.equal(count, 1);
});

void test('templates that would write out more than a file holds are refused in bounded time', () => {
  const doubling = (levels: number): string =>
    'template T0(R) { var x : u8 = 1 const C = 2 }' +
    Array.from(
      { length: levels },
      (_, at) => `template T${at + 1}(R) { include T${at}(R) as a include T${at}(R) as b }`,
    ).join(' ');
  assert.deepEqual(
    codes(compile(device('include T15(A) as t', doubling(15))))
      .filter((code) => code !== 'DSS401' && code !== 'DSS406')
      .slice(0, 1),
    ['DSS153'],
  );
  const growing =
    'template G0(N) { const c = N & 1 }' +
    Array.from({ length: 14 }, (_, at) => `template G${at + 1}(N) { include G${at}((N|N|N|N)) as g }`).join(' ');
  assert.deepEqual(codes(compile(device('include G14(1) as g', growing))).slice(0, 1), ['DSS153']);
});

void test('the loader reads plain files below the specification and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'refmon-imports-'));
  try {
    mkdirSync(join(folder, 'device', 'lib'), { recursive: true });
    writeFileSync(join(folder, 'outside.dss'), 'secret');
    writeFileSync(join(folder, 'device', 'lib', 'a.dss'), 'template T() {}');
    writeFileSync(join(folder, 'device', 'large.dss'), '');
    truncateSync(join(folder, 'device', 'large.dss'), SOURCE_BYTES_MAX + 1);
    symlinkSync(join(folder, 'outside.dss'), join(folder, 'device', 'link.dss'));
    const load = loadFrom(join(folder, 'device', 'x.dss'), 'shown/x.dss');
    const read = (path: string): string | undefined => {
      const bytes = load({ from: 'beside', path });
      return bytes === undefined ? undefined : Buffer.from(bytes).toString();
    };
    assert.equal(read('shown/lib/a.dss'), 'template T() {}');
    for (const path of [
      'shown/link.dss',
      'outside.dss',
      '../outside.dss',
      'shown/large.dss',
      'shown/lib',
      'shown/none.dss',
      '/etc/passwd',
    ])
      assert.equal(read(path), undefined, path);
    assert.equal(load({ from: 'standard', path: 'std/../ast.ts' }), undefined);
    assert.ok(load({ from: 'standard', path: 'std/pci.dss' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

void test('every standard file is read without a complaint, and each of its templates by some test', () => {
  const used = [...readdirSync(here), '../templates.test.ts']
    .filter((name) => name.endsWith('.dss') || name.endsWith('.ts'))
    .map((name) => readFileSync(join(here, name), 'utf8'))
    .join('\n');
  for (const name of readdirSync(join(languageFolder(), 'std'))) {
    const text = readFileSync(join(languageFolder(), 'std', name), 'utf8');
    assert.deepEqual(codes(compile(text, name)), ['DSS008'], name);
    for (const [, template] of text.matchAll(/^template (\w+)/gm))
      assert.match(used, new RegExp(`include ${template}\\(`));
  }
});

void test('std/scatter.dss: a table without its end, or with a region outside, never starts the engine', () => {
  const text =
    'import "std/scatter.dss"\n' +
    device(
      'register C at regs+4 : u8 rw register T at regs+8 : u32 rw machine dma { Idle, Running } include ScatterList(dma, C, T, 1, 8) as prd',
    );
  const ide = bench(text);
  assert.equal(ide.grant(0x1000, 0x1000, 'commands'), 'allowed');
  assert.equal(ide.grant(0x2000, 0x1000, 'writes'), 'allowed');
  ide.lay(0x1000, [4, 0x2000], [2, 512], [2, 0x8000]);
  assert.equal(ide.write('T', 0x1000), 'allowed');
  assert.equal(ide.write('C', 1), 'a region is outside the memory granted to this driver');
  assert.equal(ide.write('C', 9), 'allowed');
  assert.equal(ide.store(0x1004, 4), 'the table of regions belongs to the device while it runs');
  assert.equal(ide.write('T', 0), 'the table cannot move while the engine runs');
  assert.equal(ide.write('C', 8), 'allowed');
  ide.lay(0x1000, [4, 0x2000], [2, 512], [2, 0]);
  assert.equal(
    ide.write('C', 9),
    'a region is outside the memory granted to this driver',
    'an entry of zeros is 64 KiB',
  );
});

void test('std/ata.dss: what no driver may give a drive is refused, and what moves is known by direction', () => {
  const text =
    'import "std/ata.dss"\n' +
    device(
      'register C at regs+4 : u8 rw include AtaCommands() as ata on write C(v) { require ata_TRANSFER[v] != ata_REFUSED "never" require ata_TRANSFER[v] != ata_DMA_OUT "outward" }',
    );
  const drive = bench(text);
  for (const identify of [0xec, 0xa1]) assert.equal(drive.write('C', identify), 'allowed');
  for (const write of [0xca, 0x35, 0x06]) assert.equal(drive.write('C', write), 'outward');
  for (const lock of [0x92, 0xb1, 0xf1, 0xf6, 0x50, 0x60]) assert.equal(drive.write('C', lock), 'never');
});

void test('std/list.dss: a list that leaves its pool or runs in a circle is refused', () => {
  const text =
    'import "std/list.dss"\n' +
    device(
      'register H at regs+4 : u32 rw machine list { Idle, Running } struct Member size 16 { next : u32 at 0 buffer : u32 at 4 length : u16 at 8 flags : u16 at 10 { LAST = [0] } } include BufferList(list, H, Member, 8, 128) as l on report A(v) { if v == 0 { list -> Idle } }',
    );
  const bus = bench(text);
  assert.equal(bus.grant(0x1000, 0x1000, 'commands'), 'allowed');
  assert.equal(bus.grant(0x2000, 0x1000, 'reads'), 'allowed');
  const member = (at: number, next: number, buffer: number, last: boolean): void =>
    bus.lay(at, [4, next], [4, buffer], [2, 64], [2, last ? 1 : 0]);
  member(0x1000, 0x1010, 0x2000, false);
  member(0x1010, 0x1000, 0x2040, false);
  assert.equal(bus.write('H', 0x1000), 'the list of `Member` has more than 8 members, or runs in a circle');
  member(0x1010, 0x1080, 0x2040, false);
  assert.equal(bus.write('H', 0x1000), 'a member lies outside the pool that begins with the first');
  member(0x1010, 0, 0x1000, true);
  assert.equal(bus.write('H', 0x1000), 'a buffer is outside the memory granted to this driver');
  member(0x1010, 0, 0x2fc0, true);
  assert.equal(bus.write('H', 0x1000), 'allowed');
  assert.equal(bus.store(0x107f, 1), 'the pool of members belongs to the device while it walks them');
  assert.equal(bus.write('H', 0x1000), 'the list is still being walked');
  assert.equal(bus.report('A', 0), 'allowed');
  assert.equal(bus.store(0x107f, 1), 'allowed');
});

void test('e1000 written with std/ judges every operation as e1000 written by hand', () => {
  const byHand = program(
    compile(readFileSync(join(languageFolder(), '../drivers/e1000/e1000.dss'), 'utf8'), 'e1000.dss'),
  );
  const shared = program(
    compile(specification('e1000-with-templates.dss'), 'x.dss', { load: loadFrom(join(here, 'x.dss'), 'x.dss') }),
  );
  let seed = 0x2545f491;
  const random = (below: number): number => {
    seed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return (((seed >>> 0) ^ (seed >>> 13)) % below) >>> 0;
  };
  const memory = new Uint8Array(0x4000);
  const fetch = (address: number, length: number, target: Uint8Array, at: number): boolean => {
    if (address + length > memory.length) return false;
    target.set(memory.subarray(address, address + length), at);
    return true;
  };
  const twins = [new InterpretedMonitor(byHand, { fetch }), new InterpretedMonitor(shared, { fetch })] as const;
  const busy = byHand.registers.filter((each) => /^([TR]D|CTRL|[TR]CTL|COMMAND|BARS)/.test(each.name));
  const values = [0, 1, 2, 3, 4, 8, 32, 128, 0x80, 0x100, 0x1000, 0x2000, 0x10000, 0x10080, 0x0400_0000, 0xffff_ffff];
  const counts = { allowed: 0, denied: 0, running: 0 };
  const both = (operate: (monitor: InterpretedMonitor) => number): void => {
    const [a, b] = twins.map(operate);
    assert.equal(a === 0, b === 0, `rules ${byHand.rules[a ?? 0]?.reason} and ${shared.rules[b ?? 0]?.reason}`);
    counts[a === 0 ? 'allowed' : 'denied'] += 1;
  };
  for (let round = 0; round < 30_000; round += 1) {
    if (round % 3000 === 0) {
      for (const twin of twins) twin.reset();
      both((twin) => twin.grant(0x1000, 0x1000, 1));
      both((twin) => twin.grant(0x2000, 0x1000, 6));
    }
    if (round % 100 === 50) {
      const program: readonly (readonly [string, number])[] = [
        ['TCTL', 0], ['TDBAL', 0x1000], ['TDBAH', 0], ['TDLEN', 128], ['TDH', 0], ['TDT', 0], ['TCTL', 2],
        ['RCTL', 0], ['RDBAL', 0x1400], ['RDBAH', 0], ['RDLEN', 128], ['RDH', 0], ['RDT', 0], ['RCTL', 2],
      ]; // prettier-ignore
      for (const [name, value] of program) {
        const { space, offset } = byHand.registers.find((each) => each.name === name) ?? { space: 9, offset: 0 };
        both((twin) => twin.write(space, offset, 4, value, 0, 0));
      }
    }
    if (random(4) === 0) memory.fill(random(3) === 0 ? 0 : random(256), 0x1000 + random(64) * 16, 0x1000 + 1024);
    const everywhere = byHand.registers[random(byHand.registers.length)];
    const register = random(4) > 0 ? busy[random(busy.length)] : everywhere;
    if (register === undefined) continue;
    const { space, width } = register;
    const offset = register.offset + random(register.count) * register.stride;
    const value = values[random(values.length)] ?? 0;
    const choice = random(8);
    const length = 1 + random(40);
    const narrow = random(4) === 0 ? 1 : width;
    if (choice < 5) both((twin) => twin.write(space, offset, width, value, 0, 0));
    else if (choice === 5) both((twin) => twin.report(space, offset, width, value % 256, 0, 0));
    else if (choice === 6) both((twin) => twin.store(0x1000 + (value % 0x1000), length, 0));
    else both((twin) => twin.read(space, offset, narrow, 0));
    const [a, b] = twins.map((twin) => twin.states());
    assert.deepEqual(a, b);
    if (a?.[0] === 1 && a[1] === 1) counts.running += 1;
  }
  assert.ok(Math.min(counts.allowed, counts.denied, counts.running) > 3000, JSON.stringify(counts));
});
