// `npm run shield`: sets the checkout up and boots Linux behind the monitor, up to its first violation. Arguments replace ours.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareCheckout } from './bootstrap.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const given = process.argv.slice(2);
await prepareCheckout();
const words = ['shield', ...(given.length > 0 ? given : ['e1000', '--rogue'])];
const shield = spawn(process.execPath, [join(root, 'bin', 'refmon.cjs'), ...words], { stdio: 'inherit' });
shield.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 130);
});
