/**
 * The compiler's front door: text in, program and diagnostics out. Never throws on bad input.
 *
 * A specification is hostile until compiled: size, encoding, nesting, literals, loops and tables are all bounded.
 */
import { Diagnostics, type Diagnostic } from './diagnostics.ts';
import { elaborateDevice } from './elaborate/index.ts';
import type { Program } from './ir.ts';
import { parse } from './parse.ts';
import { Source, SOURCE_BYTES_MAX, span } from './source.ts';
import { NESTING_MAX } from './parser.ts';

export interface CompileResult {
  /** Absent if there is any error. */
  readonly program: Program | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Diagnostics beyond the number that is kept. */
  readonly dropped: number;
}

/** Compiles text. @param file the name used in messages and rules */
export function compile(text: string, file = 'input.dss'): CompileResult {
  const tooLarge = text.length > SOURCE_BYTES_MAX;
  const source = new Source(file, tooLarge ? '' : text);
  const diagnostics = new Diagnostics(source);
  let program: Program | undefined;
  if (tooLarge) diagnostics.add('DSS005', { bytes: text.length, max: SOURCE_BYTES_MAX }, span(0, 0));
  else {
    try {
      program = compileSource(source, diagnostics);
    } catch (error) {
      // The guards in `parse` make this unlikely, not impossible: a deep tree must not crash whoever compiles it.
      if (!(error instanceof RangeError)) throw error;
      diagnostics.add('DSS006', { max: NESTING_MAX }, span(0, 0));
    }
  }
  return { program, diagnostics: diagnostics.sorted(), dropped: diagnostics.dropped };
}

/** Compiles bytes as they come from a file: they may be anything. */
export function compileBytes(bytes: Uint8Array, file = 'input.dss'): CompileResult {
  if (bytes.length > SOURCE_BYTES_MAX) {
    const diagnostics = new Diagnostics(new Source(file, ''));
    diagnostics.add('DSS005', { bytes: bytes.length, max: SOURCE_BYTES_MAX }, span(0, 0));
    return { program: undefined, diagnostics: diagnostics.sorted(), dropped: 0 };
  }
  try {
    return compile(new TextDecoder('utf-8', { fatal: true }).decode(bytes), file);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return notUtf8(bytes, file);
  }
}

function notUtf8(bytes: Uint8Array, file: string): CompileResult {
  const text = new TextDecoder().decode(bytes);
  const source = new Source(file, text);
  const diagnostics = new Diagnostics(source);
  const at = text.indexOf('\uFFFD');
  diagnostics.add('DSS004', { line: source.position(at).line }, span(at, at + 1));
  return { program: undefined, diagnostics: diagnostics.sorted(), dropped: 0 };
}

function compileSource(source: Source, diagnostics: Diagnostics): Program | undefined {
  const file = parse(source, diagnostics);
  const [device, second] = file.devices;
  if (device === undefined) {
    if (!diagnostics.hasErrors) diagnostics.add('DSS008', {}, span(0, Math.min(1, source.text.length)));
    return undefined;
  }
  if (second !== undefined) diagnostics.add('DSS009', { name: second.name.text }, second.name.span);
  return elaborateDevice(device, diagnostics);
}
