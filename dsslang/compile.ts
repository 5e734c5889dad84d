/**
 * The compiler's front door: text in, program and diagnostics out. Never throws on bad input.
 *
 * A specification is hostile until compiled: size, encoding, nesting, literals, loops and tables are all bounded.
 */
import { Diagnostics, type Diagnostic } from './diagnostics.ts';
import { elaborateDevice } from './elaborate/index.ts';
import { readImports, reportUnused, type Load } from './imports.ts';
import type { Device } from './ast.ts';
import { initialState, violatedInvariant } from './interpreter.ts';
import type { Program } from './ir.ts';
import { parse } from './parse.ts';
import { Source, SOURCE_BYTES_MAX, span } from './source.ts';
import { NESTING_MAX } from './parser/leaves.ts';
import { expandTemplates } from './templates.ts';

export interface CompileResult {
  /** Absent if there is any error. */
  readonly program: Program | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Diagnostics beyond the number that is kept. */
  readonly dropped: number;
}

export interface CompileOptions {
  /** Reads what the specification imports; without it, nothing can be imported. */
  readonly load?: Load | undefined;
  /** Also say which registers no rule speaks of. */
  readonly strict?: boolean | undefined;
}

/** Compiles text. @param file the name used in messages and rules */
export function compile(text: string, file = 'input.dss', options: CompileOptions = {}): CompileResult {
  const tooLarge = text.length > SOURCE_BYTES_MAX;
  const source = new Source(file, tooLarge ? '' : text);
  const diagnostics = new Diagnostics(source);
  let program: Program | undefined;
  if (tooLarge) diagnostics.add('DSS005', { bytes: text.length, max: SOURCE_BYTES_MAX }, span(0, 0));
  else {
    try {
      program = compileSource(source, diagnostics, options);
    } catch (error) {
      // The guards in `parse` make this unlikely, not impossible: a deep tree must not crash whoever compiles it.
      if (!(error instanceof RangeError && error.message.includes('call stack'))) throw error;
      diagnostics.add('DSS006', { what: 'levels', max: NESTING_MAX }, span(0, Math.min(1, text.length)));
      program = undefined;
    }
  }
  return { program, diagnostics: diagnostics.sorted(), dropped: diagnostics.dropped };
}

/** Compiles bytes as they come from a file: they may be anything. */
export function compileBytes(bytes: Uint8Array, file = 'input.dss', options: CompileOptions = {}): CompileResult {
  if (bytes.length > SOURCE_BYTES_MAX) {
    const diagnostics = new Diagnostics(new Source(file, ''));
    diagnostics.add('DSS005', { bytes: bytes.length, max: SOURCE_BYTES_MAX }, span(0, 0));
    return { program: undefined, diagnostics: diagnostics.sorted(), dropped: 0 };
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return notUtf8(bytes, file);
  }
  return compile(text, file, options);
}

function notUtf8(bytes: Uint8Array, file: string): CompileResult {
  const source = new Source(file, new TextDecoder().decode(bytes));
  const diagnostics = new Diagnostics(source);
  const at = firstBadCharacter(bytes, source.text);
  diagnostics.add('DSS004', { line: source.position(at).line }, span(at, Math.min(at + 1, source.text.length)));
  return { program: undefined, diagnostics: diagnostics.sorted(), dropped: 0 };
}

/** The offset of the first replacement character that the author did not write. */
function firstBadCharacter(bytes: Uint8Array, text: string): number {
  // The decoder does not tell where it failed: the longest good beginning is found by halving.
  let good = 0;
  let bad = bytes.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (decodes(bytes.subarray(0, middle)) === undefined) bad = middle;
    else good = middle;
  }
  return Math.min(decodes(bytes.subarray(0, good)) ?? 0, Math.max(0, text.length - 1));
}

/** The number of whole characters in `bytes`, which may end inside one; undefined if one of them is bad. */
function decodes(bytes: Uint8Array): number | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true }).length;
  } catch {
    return undefined;
  }
}

function compileSource(source: Source, diagnostics: Diagnostics, options: CompileOptions): Program | undefined {
  const { load, strict = false } = options;
  const file = parse(source, diagnostics);
  const [device, second] = file.devices;
  if (device === undefined) {
    if (!diagnostics.hasErrors) diagnostics.add('DSS008', {}, span(0, Math.min(1, source.text.length)));
    return undefined;
  }
  if (second !== undefined) diagnostics.add('DSS009', { name: second.name.text }, second.name.span);
  const { templates, incomplete, brought } = readImports(file, load, diagnostics);
  const { device: whole, lost, used } = expandTemplates(device, templates, incomplete, diagnostics);
  const complete = file.unread === undefined && !incomplete && lost.length === 0;
  if (complete && !diagnostics.hasErrors) reportUnused(brought, used, diagnostics);
  const unread = complete ? undefined : new Set([...(file.unread ?? []), ...lost]);
  const program = elaborateDevice(whole, unread, diagnostics, strict);
  return program === undefined || !holdsAtFirst(program, whole, diagnostics) ? undefined : program;
}

/** S12: an invariant holds in the first state. Reports each that does not. */
function holdsAtFirst(program: Program, device: Device, diagnostics: Diagnostics): boolean {
  const items = device.items.filter((item) => item.kind === 'invariant');
  const state = initialState(program);
  const broken = program.invariants.filter(
    (each) => violatedInvariant({ ...program, invariants: [each] }, state) !== undefined,
  );
  for (const { text } of broken) {
    const item = items.find((each) => each.text === text);
    if (item !== undefined) diagnostics.add('DSS319', { text }, item.condition.span);
  }
  return broken.length === 0;
}
