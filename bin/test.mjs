// `npm test`: sets the checkout up, builds it, runs every test on node's own runner, and closes with one plain line.
// Arguments choose test files by a part of their path: `npm test -- dsslang/parser`.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { prepareCheckout } from './bootstrap.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
await prepareCheckout({ rebuild: true });

const wanted = process.argv.slice(2);
const files = readdirSync(join(root, 'dist'), { recursive: true })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .map((file) => join(root, 'dist', file))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
let skipped = 0;
const stream = run({ files, concurrency: 2, timeout: 600_000 });
stream.on('test:pass', (event) => {
  if (event.details.type === 'suite') return;
  if (event.skip !== undefined || event.todo !== undefined) skipped += 1;
  else passed += 1;
});
stream.on('test:fail', (event) => {
  if (event.details.type === 'suite') return;
  failed += 1;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  setImmediate(() => {
    // A skip says what is missing on a person's machine; in CI everything must have run.
    const skipFails = process.env.CI === 'true' && skipped > 0;
    if (skipFails) console.log(`${skipped} tests were skipped, which CI does not allow`);
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    process.exitCode = failed > 0 || skipFails || passed === 0 ? 1 : 0;
  });
});
