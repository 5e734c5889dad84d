/**
 * Specifications that hold everything an author can write: engines, walks, windows, freeze sets, clocks, deadlines, rates,
 * counters, tables, clamps, notes, templates, imports, frozen ranges. Those of the random campaigns hold the core calculus;
 * these hold the ways into it.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileBytes, loadFrom, renderDiagnostics, type Program } from '../../dsslang/index.ts';
import { packageRoot } from '../../drivers/package-root.ts';
import * as bench from '../../dsslang/testing/feature-bench.ts';

export interface Specified {
  readonly name: string;
  readonly program: Program;
}

const folders = ['dsslang/testing', 'dsslang/ui/ok', 'dsslang/init/template', 'examples/01-doorbell'];

const bodies: Readonly<Record<string, string>> = {
  arrays: bench.arrays,
  programmed: bench.programmedBody,
  freeze: bench.freezeBody,
  actions: bench.actionsBody,
  engines: bench.enginesBody,
  blitter: bench.blitter,
  floppy: bench.floppy,
  windows: bench.windowsBody,
  events: bench.eventsBody,
};

/** Every specification of those folders that is a device by itself, and the shared ones of the feature tests. */
export function surfaceSpecifications(): Specified[] {
  const files = folders.flatMap((folder) =>
    readdirSync(join(packageRoot(), folder))
      .filter((name) => name.endsWith('.dss'))
      .map((name) => join(folder, name)),
  );
  return [
    ...files.map((file) => ({ name: file, program: compiled(file) })),
    ...Object.entries(bodies).map(([name, body]) => ({ name, program: bench.program(body) })),
  ];
}

function compiled(file: string): Program {
  const path = join(packageRoot(), file);
  const { program, diagnostics } = compileBytes(readFileSync(path), file, { load: loadFrom(path, file) });
  assert.ok(program !== undefined, renderDiagnostics(diagnostics));
  return program;
}

/** The kinds of statements and expressions that a program uses, by their `op`. */
export function operationsOf(program: Program): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('op' in value && typeof value.op === 'string') found.add(value.op);
    for (const each of Object.values(value)) visit(each);
  };
  visit([
    program.registers,
    program.always,
    program.store,
    program.grant,
    program.interrupt,
    program.check,
    program.tick,
  ]);
  return found;
}
