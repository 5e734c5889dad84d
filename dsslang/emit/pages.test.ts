/** Diagrams, reference pages and costs say what the program says. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile } from '../compile.ts';
import { costOf, stepsOf } from '../cost.ts';
import type { Program } from '../ir.ts';
import { loadFrom } from '../load.ts';
import { emitDot, transitionsOf } from './dot.ts';
import { emitMarkdown } from './markdown.ts';
import { drawSvg } from './svg.ts';
import { reactionsOf } from './words.ts';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const root = packageRoot();

function programOf(text: string, file = 'd.dss'): Program {
  const { program, diagnostics } = compile(text, file, { load: loadFrom(join(root, file), file) });
  assert.ok(program !== undefined, diagnostics.map((each) => each.message).join('\n'));
  return program;
}

const shipped = (file: string): Program => programOf(readFileSync(join(root, file), 'utf8'), file);
const e1000 = shipped('drivers/e1000/e1000.dss');

const device = (...body: string[]): Program =>
  programOf(
    ['device d {', 'match pci 1234:0001', 'region regs = bar 0 memory 4K', ...body, 'reset { delay 1ms }', '}'].join(
      '\n',
    ),
  );

/** `Off -> On: write R [R.GO]`. */
function ways(program: Program, name: string): string[] {
  const machine = program.machines.find((each) => each.name === name);
  assert.ok(machine !== undefined);
  return transitionsOf(program, machine).map(
    ({ from, to, label }) => `${machine.states[from]} -> ${machine.states[to]}: ${label}`,
  );
}

test('the transitions of the e1000 engines are those of its specification', () => {
  assert.deepEqual(ways(e1000, 'tx'), [
    'Off -> Running: write TCTL [TCTL.EN]',
    'Running -> Off: write TCTL [not TCTL.EN]',
  ]);
  assert.deepEqual(ways(e1000, 'rx'), [
    'Off -> Running: write RCTL [RCTL.EN]',
    'Running -> Off: write RCTL [not RCTL.EN]',
  ]);
});

test('states narrow by `in`, `if` and `require`, also of other machines', () => {
  const program = device(
    'machine m { A, B, C }',
    'machine n { X, Y }',
    'register R at regs+0 : u32 rw { GO = [0], MODE = [3:2] }',
    'register S at regs+4 : u32 rw',
    'in m.A | m.B { on write R(v) { if m == A { m -> B } else if v.GO and v.MODE != 2 { m -> C } } }',
    'on write S(v) { require m == C "c" if n == X { n -> Y } else { n -> X } m -> A }',
  );
  assert.deepEqual(ways(program, 'm'), [
    'A -> B: write R',
    'B -> C: write R [R.GO and R.MODE != 2]',
    'C -> A: write S',
  ]);
  assert.deepEqual(ways(program, 'n'), ['X -> Y: write S', 'Y -> X: write S']);
});

test('after a transition the machine is where it went', () => {
  const program = device(
    'machine m { A, B, C }',
    'register R at regs+0 : u32 rw',
    'on write R(v) { m -> B if v == 1 { m -> C } if v == 2 { m -> A } }',
  );
  const found = ways(program, 'm');
  // From B to C on the way; never from A to C. From C, too, the last assignment may leave: nothing is missing.
  assert.ok(found.includes('B -> C: write R [R == 1]'));
  assert.ok(!found.includes('A -> C: write R [R == 1]'));
  assert.ok(found.includes('C -> A: write R [R == 2]'));
});

test('the diagram has a cluster for each machine, marks where it starts, and can be drawn', async () => {
  const dot = emitDot(e1000);
  assert.equal(dot.match(/subgraph cluster_/g)?.length, e1000.machines.length);
  assert.equal(dot.match(/start\d+ -> m\d+s0;/g)?.length, e1000.machines.length);
  const svg = await drawSvg(dot);
  // No interrupt of this card stays unacknowledged: to read its cause acknowledges it.
  assert.ok(!svg.includes('MineNotAcked'));
  for (const text of ['machine tx', 'Running', 'CardNotChecked', 'write TCTL [TCTL.EN]'])
    assert.ok(svg.includes(`>${text}<`), text);
});

test('text of an author cannot leave its place in a diagram or a table', () => {
  const program = device(
    'register R at regs+0 : u32 rw',
    'on write R(v) { require v | 1 != 3 "a | pipe and a \\ stroke" }',
  );
  const row = emitMarkdown(program)
    .split('\n')
    .find((line) => line.includes('pipe'));
  assert.match(row ?? '', /a \\\| pipe/);
  assert.match(row ?? '', /`v \\\| 1 != 3`/);
});

/** Every device whose specification lies in the folder of its name. */
const DEVICES = readdirSync(join(root, 'drivers')).filter((name) =>
  existsSync(join(root, 'drivers', name, `${name}.dss`)),
);

for (const device of DEVICES) {
  const [file, page] = [`drivers/${device}/${device}.dss`, `docs/devices/${device}.md`];
  test(`${page} and its diagram are what its specification says`, async () => {
    const program = shipped(file);
    const made = [
      { path: page, text: emitMarkdown(program, `${device}.svg`) },
      { path: `docs/devices/${device}.svg`, text: await drawSvg(emitDot(program)) },
    ];
    for (const { path, text } of made) {
      if (process.env['UPDATE'] === '1') writeFileSync(join(root, path), text);
      const again = `run: refmon compile ${file} --target markdown -o ${page}`;
      assert.equal(readFileSync(join(root, path), 'utf8'), text, again);
    }
  });
}

test('a reference page names every register, state, invariant and stated reason', () => {
  const page = emitMarkdown(e1000);
  for (const { name } of [...e1000.registers, ...e1000.areas]) assert.ok(page.includes(`\`${name}`), name);
  for (const { states } of e1000.machines) for (const state of states) assert.ok(page.includes(`\`${state}\``), state);
  for (const { text } of e1000.invariants) assert.ok(page.includes(text), text);
  for (const rule of e1000.rules.filter(({ text }) => text.startsWith('deny '))) assert.ok(page.includes(rule.reason));
});

test('the cost of a loop is its bound times its body, and a choice costs its dearer side', () => {
  const program = device(
    'struct S size 16 { a : u64 at 0 }',
    'var base : u64',
    'var n : u16 max 100',
    'var h : u16 max 99',
    'ring r : S { base base count n owned h ..< h }',
    'register R at regs+0 : u32 rw',
    'register P at regs+4 : u32 rw',
    'on write R(v) { for d in r[h ..< h] { require d.a != 0 "a" require d.a != 1 "b" } }',
    'on write P(v) { if v == 0 { h = 1 h = 2 h = 3 } else { h = 4 } }',
  );
  const { handlers, copyBytes, stepsMax } = costOf(program);
  const steps = (operation: string): number | undefined => handlers.find((each) => each.operation === operation)?.steps;
  assert.equal(steps('write R'), 1 + 100 * 3);
  assert.equal(steps('write P'), 1 + 3);
  assert.equal(copyBytes, 1600);
  assert.equal(stepsMax, 301);
});

test('the memory of a state is exact: bits as declared, bytes as a C struct lays them out', () => {
  const program = device(
    'var a : u64',
    'var b : u3',
    'var c : u17',
    'var d2 : u16',
    'register R at regs+0 : u64 rw',
    'on write R(v) { a = v b = 1 c = 2 d2 = 3 }',
  );
  const { stateBits, stateBytes, monitorBytes, tableBytes } = costOf(program);
  assert.equal(stateBits, 64 + 3 + 17 + 16);
  assert.equal(stateBytes, 16); // 8 + 4 + 2 + 1, to a multiple of 8
  assert.equal(monitorBytes, stateBytes + tableBytes);
});

test('no operation of a shipped monitor has an unbounded or unnamed handler', () => {
  for (const { name, reaction } of reactionsOf(e1000)) {
    assert.ok(name.length > 0);
    for (const { body } of reaction.handlers) assert.ok(Number.isSafeInteger(stepsOf(body)), name);
  }
});
