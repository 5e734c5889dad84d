#!/usr/bin/env node
// The installed command: loads the bundle that the build leaves in dist/cli.
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/cli/refmon.js', import.meta.url);
if (!existsSync(bundle)) {
  console.error('refmon is not built yet; run `npm run build`');
  process.exit(5);
}
await import(bundle.href);
