#!/usr/bin/env node
// The installed command: runs the bundle that the build leaves in dist/cli, with V8's code cache beside it.
//
// The cache holds the compiled functions of the bundle, so that a start need not parse and compile them. V8 refuses a cache
// of another version of itself or of another text and compiles then, which is slower and else the same. CommonJS, because
// the loader of ES modules costs more time than reading the bundle (ADR 0013).
'use strict';
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const bundle = join(__dirname, '..', 'dist', 'cli', 'refmon.js');
if (!existsSync(bundle)) {
  console.error('refmon is not built yet; run `npm run build`');
  process.exit(5);
}
const cache = `${bundle}.cache`;
const script = new Script(readFileSync(bundle, 'latin1'), {
  filename: bundle,
  cachedData: existsSync(cache) ? readFileSync(cache) : undefined,
});

// Which flags V8 has is part of a cache: the build, which makes it, sets none, and they are set behind its reading here.
const makesCache = process.argv0 === 'refmon-build';
if (makesCache) process.on('exit', () => writeFileSync(cache, script.createCachedData()));
else {
  const budget = interruptBudget(process.argv[2], process.argv[3]);
  if (budget !== undefined) setFlagsFromString(`--interrupt-budget=${budget}`);
}

/** How much work of a function V8 waits for before it optimises it (its own: 67584), where another number is better. */
function interruptBudget(command, subject) {
  // These mostly end before optimised code has paid for its making.
  if (['check', 'compile', 'explain', 'fmt', 'graph', 'init'].includes(command)) return 675840;
  // A driver comes to most functions of its monitor once for each request. By V8's own limit the last of them is optimised
  // after some 5000 requests of a disk, by this after 600 (docs/performance.md).
  const runsDrivers = ['demo', 'record', 'run', 'shield'].includes(command);
  if (runsDrivers || (command === 'bench' && ['rvm', 'shield'].includes(subject))) return 8448;
  return undefined;
}

const body = { exports: {} };
const importModule = (specifier) => import(specifier);
script.runInThisContext()(createRequire(bundle), body, body.exports, pathToFileURL(bundle).href, importModule);
