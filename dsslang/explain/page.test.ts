/** Every diagnostic has a page, and its examples say what they claim. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile } from '../compile.ts';
import { format } from '../format.ts';
import { codes, errorsMarkdown, parsePage } from './page.ts';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const root = packageRoot();
const folder = join(root, 'dsslang', 'explain');
const files = readdirSync(folder).filter((name) => name.endsWith('.md'));
const written = codes().filter((code) => files.includes(`${code}.md`));
const pages = written.map((code) => parsePage(code, readFileSync(join(folder, `${code}.md`), 'utf8')));

/** What one file's text alone cannot show. */
const withoutWrong = ['DSS004', 'DSS005', 'DSS052', 'DSS053', 'DSS054', 'DSS407', 'DSS408'];
/** What is only asked for. */
const onlyStrict = ['DSS460'];

test('every code has a page, and every page a code', () => {
  const missing = codes().filter((code) => !written.includes(code));
  assert.deepEqual(missing, [], `write dsslang/explain/CODE.md for: ${missing.join(', ')}`);
  const unknown = files.filter((file) => !codes().some((code) => file === `${code}.md`));
  assert.deepEqual(unknown, [], 'pages of codes that do not exist');
});

for (const page of pages) {
  test(`${page.code}: the wrong example gets just this code, the right one none`, () => {
    const found = (text: string): string[] => [
      ...new Set(
        compile(text, 'example.dss', { strict: onlyStrict.includes(page.code) }).diagnostics.map(
          (each) => `${each.code} ${each.message}`,
        ),
      ),
    ];
    assert.deepEqual(found(page.right), []);
    assert.equal(format(page.right).text, page.right, 'the right example is formatted');
    if (withoutWrong.includes(page.code)) assert.equal(page.wrong, undefined);
    else {
      assert.ok(page.wrong !== undefined, 'there is a wrong example');
      assert.deepEqual([...new Set(found(page.wrong).map((each) => each.slice(0, 6)))], [page.code]);
    }
  });
}

test('docs/errors.md is what the pages say', () => {
  const file = join(root, 'docs', 'errors.md');
  if (process.env['UPDATE'] === '1') writeFileSync(file, errorsMarkdown(pages));
  assert.equal(readFileSync(file, 'utf8'), errorsMarkdown(pages), 'run: refmon explain --all > docs/errors.md');
});
