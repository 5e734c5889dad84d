#!/usr/bin/env node
// The installed command: runs the bundle that the build leaves in dist/cli, with V8's code cache beside it.
//
// The cache holds the compiled functions of the bundle, so that a start need not parse and compile them. V8 refuses a cache
// of another version of itself or of another text and compiles then, which is slower and else the same (ADR 0013).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

const url = new URL('../dist/cli/refmon.js', import.meta.url);
const bundle = fileURLToPath(url);
if (!existsSync(bundle)) {
  console.error('refmon is not built yet; run `npm run build`');
  process.exit(5);
}
const cache = `${bundle}.cache`;
const script = new vm.Script(readFileSync(bundle, 'latin1'), {
  filename: bundle,
  cachedData: existsSync(cache) ? readFileSync(cache) : undefined,
});
const module = { exports: {} };
const importModule = (specifier) => import(specifier);
script.runInThisContext()(createRequire(bundle), module, module.exports, url.href, importModule);

// The build runs a command in this way once, and keeps what V8 compiled for it.
if (process.argv0 === 'refmon-build') process.on('exit', () => writeFileSync(cache, script.createCachedData()));
