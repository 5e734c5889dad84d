/**
 * How fast is the compiler? Against a parser written by hand, against itself on files ten and a hundred times as long, and
 * against the bare runtime as a command.
 *
 * Both parsers must build the same tree before they are timed. Warm rows are interleaved; cold rows start one process
 * after the other. Prints nothing; `refmon bench` does.
 */
import { isDeepStrictEqual } from 'node:util';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Diagnostics } from '../../dsslang/diagnostics.ts';
import { elaborateDevice } from '../../dsslang/elaborate/index.ts';
import { compile } from '../../dsslang/index.ts';
import { parse } from '../../dsslang/parse.ts';
import { Source } from '../../dsslang/source.ts';
import { parseByHand } from './hand-parser.ts';
import { specificationOf } from './specification-text.ts';
import { BenchmarkError, measure, type BenchRow, type Contender } from './statistics.ts';

export interface CompileBenchOptions {
  /** The text of a real specification, for rows of its own. */
  readonly specification: string;
  /** The command to start cold: path of `bin/refmon.cjs`. */
  readonly command: string;
  /** Timed rounds of the short texts; 31 by default. The long ones take a few. */
  readonly rounds?: number;
  /** Lengths of the generated texts, the shortest first; 500, 5000 and 50,000 lines by default. */
  readonly lines?: readonly number[];
  /** Starts of each process; 11 by default. */
  readonly starts?: number;
}

export interface CompileBenchResult {
  /** For one text: the hand-written parser, which is the baseline, ours, and all of the compiler. */
  readonly warm: readonly BenchRow[];
  /** For one line, at each length: by hand, ours, all of the compiler; the ratio is to the same work on the shortest text. */
  readonly growth: readonly BenchRow[];
  /** For one start of a process; the ratio is to the bare runtime. */
  readonly cold: readonly BenchRow[];
  /** Median of `refmon check` less that of the bare runtime. */
  readonly coldDifferenceMs: number;
}

/** Rounds before those that count: by then the engine has compiled what it will, for both parsers. */
const WARMUPS = 30;

/** @throws BenchmarkError when the parsers disagree, or when a text does not compile */
export function benchCompile(options: CompileBenchOptions): CompileBenchResult {
  const { specification, command, rounds = 31, lines = [500, 5000, 50_000], starts = 11 } = options;
  const shortest = lines[0] ?? 500;
  return {
    warm: [
      ...warmRows('e1000', specification, rounds),
      ...warmRows(`${shortest} lines`, specificationOf(shortest), rounds),
    ],
    growth: growthRows(lines, rounds),
    ...coldRows(specificationOf(shortest), command, starts),
  };
}

function read(text: string): { readonly items: number; readonly tree: unknown } {
  const source = new Source('bench.dss', text);
  const diagnostics = new Diagnostics(source);
  const tree = parse(source, diagnostics);
  return { items: tree.devices[0]?.items.length ?? 0, tree };
}

/** One file is one event. */
function contender(name: string, events: number, expected: number, run: () => number): Contender {
  return { name, events, expected, run, prepare: () => undefined };
}

function warmRows(title: string, text: string, rounds: number): BenchRow[] {
  const { items, tree } = read(text);
  if (!isDeepStrictEqual(parseByHand(text), tree))
    throw new BenchmarkError('BENCH_RESULT_DIFFERS', `the two parsers read ${title} differently`);
  checkCompiles(text, title);
  const byHand = `${title}: parsed by hand`;
  return measure(
    [
      contender(byHand, 1, items, () => parseByHand(text).devices[0]?.items.length ?? 0),
      contender(`${title}: parsed`, 1, items, () => read(text).items),
      contender(`${title}: compiled`, 1, 1, () => compiled(text)),
    ],
    { rounds, warmups: WARMUPS, baseline: byHand },
  );
}

const compiled = (text: string): number => (compile(text).program === undefined ? 0 : 1);

/** Parsed and checked as `compile` does, also a text beyond the largest file that it takes. */
function checked(text: string): number {
  const diagnostics = new Diagnostics(new Source('bench.dss', text));
  const { devices, unread } = parse(diagnostics.source, diagnostics);
  const [device] = devices;
  return device !== undefined && elaborateDevice(device, unread, diagnostics) !== undefined ? 1 : 0;
}

function checkCompiles(text: string, title: string): void {
  const { program, diagnostics } = compile(text);
  if (program === undefined)
    throw new BenchmarkError('BENCH_SPECIFICATION', `${title} does not compile: ${diagnostics[0]?.message ?? ''}`);
}

function growthRows(lengths: readonly number[], rounds: number): BenchRow[] {
  const texts = lengths.map((length) => ({ length, text: specificationOf(length) }));
  // Together these rows take as long as the longest text: few rounds.
  const few = Math.max(1, Math.ceil(rounds / 6));
  const rows = (work: string, run: (text: string) => number, expected: (text: string) => number): BenchRow[] =>
    measure(
      texts.map(({ length, text }) => contender(`${work}, ${length} lines`, length, expected(text), () => run(text))),
      { rounds: few, warmups: 2, baseline: `${work}, ${lengths[0]} lines` },
    );
  const items = (text: string): number => read(text).items;
  return [
    // Memory alone makes a line dearer in a long file, whoever reads it: this is how much.
    ...rows('by hand', (text) => parseByHand(text).devices[0]?.items.length ?? 0, items),
    ...rows('parsed', items, items),
    ...rows('compiled', checked, () => 1),
  ];
}

function coldRows(text: string, command: string, starts: number): { cold: BenchRow[]; coldDifferenceMs: number } {
  const folder = mkdtempSync(join(tmpdir(), 'refmon-bench-'));
  try {
    const file = join(folder, 'bench.dss');
    writeFileSync(file, text);
    const start = (name: string, args: readonly string[]): Contender =>
      contender(name, 1, 0, () => spawnSync(process.execPath, args, { stdio: 'ignore' }).status ?? -1);
    const bare = 'node -e 0';
    const cold = measure([start(bare, ['-e', '0']), start('refmon check', [command, 'check', file])], {
      rounds: starts,
      warmups: 1,
      baseline: bare,
    });
    const [node, check] = cold.map((row) => row.median_ns);
    return { cold, coldDifferenceMs: ((check ?? 0) - (node ?? 0)) / 1e6 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
