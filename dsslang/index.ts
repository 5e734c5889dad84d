/**
 * The language: device safety specifications to reference monitors.
 *
 * ```ts
 * const { program, diagnostics } = compile(text, 'disk.dss');
 * if (program === undefined) console.error(renderDiagnostics(diagnostics));
 * else await writeFile('disk.monitor.js', emitJs(program));
 * ```
 */
export { BATCH_KINDS, type BatchKind, type BatchMonitor } from './batch.ts';
export { compile, compileBytes, type CompileOptions, type CompileResult } from './compile.ts';
export type { ImportedFile, Load } from './imports.ts';
export { loadFrom } from './load.ts';
export { DIAGNOSTICS_MAX, type Diagnostic, type Label, type PlacedLabel, type Severity } from './diagnostics.ts';
export { costOf, type Cost, type HandlerCost } from './cost.ts';
export { emitC, type CText } from './emit/c.ts';
export { emitDot } from './emit/dot.ts';
export { emitMarkdown } from './emit/markdown.ts';
export { format, type FormatResult } from './format.ts';
export { emitJs } from './emit/js.ts';
export { emitJsTypes } from './emit/js-types.ts';
export { emitJson, IR_SCHEMA } from './emit/json.ts';
export { initialState, step, violatedInvariant, type Outcome } from './interpreter.ts';
export { InterpretedMonitor } from './interpreter/monitor.ts';
export type { Operation, State } from './interpreter/state.ts';
export type { ArrayId, BoolExpr, Handler, LocalId, NumberExpr, Program, ScalarId, Statement } from './ir.ts';
export { catalogue, type Code } from './messages.ts';
export { monitorInfo } from './monitor-info.ts';
export { plainStyle, renderDiagnostic, renderDiagnostics, type Style } from './render.ts';
export * from './runtime.ts';
export { Source, SOURCE_BYTES_MAX, type Position, type Span } from './source.ts';
