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
// These mostly end before optimised code has paid for its making: V8 shall begin with it ten times later than it would.
else if (['check', 'compile', 'explain', 'fmt', 'graph', 'init'].includes(process.argv[2]))
  setFlagsFromString('--interrupt-budget=675840');

const body = { exports: {} };
const importModule = (specifier) => import(specifier);
script.runInThisContext()(createRequire(bundle), body, body.exports, pathToFileURL(bundle).href, importModule);
