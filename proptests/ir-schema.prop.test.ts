/** Law: what `refmon compile --target json` prints satisfies docs/ir.schema.json; and the schema refuses what is none of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { compile, emitJson } from '../dsslang/index.ts';
import { packageRoot } from '../drivers/package-root.ts';
import { violation, type Schema } from './dsslang/json-schema.ts';
import { ProgramSource } from './dsslang/programs.ts';
import { campaign, Random } from './dsslang/random.ts';
import { SpecificationSource } from './dsslang/specifications.ts';

const { seed, scale } = campaign();
const schema = JSON.parse(readFileSync(join(packageRoot(), 'docs/ir.schema.json'), 'utf8')) as Schema;

interface Document {
  schema: unknown;
  program: {
    always: unknown[];
    scalars: { max: unknown }[];
    registers: { write: { handlers: { body: unknown[] }[] } }[];
  };
}

function e1000(): Document {
  const { program } = compile(readFileSync(join(packageRoot(), 'drivers/e1000/e1000.dss'), 'utf8'), 'e1000.dss');
  assert.ok(program !== undefined);
  return JSON.parse(emitJson(program)) as Document;
}

test('the JSON of e1000, of random specifications and of random programs satisfies the schema', (t) => {
  assert.equal(violation(schema, e1000()), undefined);
  let checked = 1;
  for (let index = 0; index < 30 * scale; index += 1) {
    const random = new Random(seed + index * 7919);
    const { program } = compile(new SpecificationSource(random).next(), 'random.dss');
    for (const each of [program, new ProgramSource(random).next()]) {
      if (each === undefined) continue;
      assert.equal(violation(schema, JSON.parse(emitJson(each))), undefined, `REFMON_SEED=${seed}, program ${index}`);
      checked += 1;
    }
  }
  t.diagnostic(`seed ${seed}: ${checked} programs satisfy the schema`);
  assert.ok(checked > 30 * scale);
});

test('the schema refuses another version, an unknown operation, a number that is not exact, and what has no name', () => {
  const wrong: [string, (document: Document) => void][] = [
    ['/schema', (document) => (document.schema = 2)],
    ['/program/always/0', (document) => document.program.always.push({ op: 'goto', place: 1 })],
    ['/program/scalars/0/max', (document) => ((document.program.scalars[0] as { max: unknown }).max = 5)],
    ['/program', (document) => Object.assign(document.program, { comment: 'no' })],
    ['/program', (document) => Reflect.deleteProperty(document.program, 'store')],
  ];
  for (const [path, spoil] of wrong) {
    const document = e1000();
    spoil(document);
    assert.match(violation(schema, document) ?? 'nothing', new RegExp(`^${path}: `), path);
  }
});
