/** From a specification's file to a running monitor: compile, emit, and load what was emitted. */
import { readFileSync } from 'node:fs';
import {
  compileBytes,
  emitJs,
  loadFrom,
  type CompileResult,
  type MonitorModule,
  type Program,
} from '../dsslang/index.ts';

export interface LoadedSpecification {
  readonly program: Program;
  /** The emitted module: what the kernel hands to a driver's thread. */
  readonly source: string;
  readonly module: MonitorModule;
}

/** The specification does not compile; `result` has the diagnostics. */
export class SpecificationError extends Error {
  readonly code = 'SPEC_REJECTED';
  readonly result: CompileResult;
  constructor(file: string, result: CompileResult) {
    const errors = result.diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
    super(`${file} has ${errors} error${errors === 1 ? '' : 's'}`);
    this.name = 'SpecificationError';
    this.result = result;
  }
}

/**
 * @param file where to read it
 * @param name how rules and messages call it; `file` itself by default
 * @throws SpecificationError if it does not compile
 */
export async function loadSpecification(file: string, name = file): Promise<LoadedSpecification> {
  const result = compileBytes(readFileSync(file), name, { load: loadFrom(file, name) });
  if (result.program === undefined) throw new SpecificationError(name, result);
  const source = emitJs(result.program);
  const url = `data:text/javascript;base64,${Buffer.from(source).toString('base64')}`;
  return { program: result.program, source, module: (await import(url)) as MonitorModule };
}
