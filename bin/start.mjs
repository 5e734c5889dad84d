// `npm start`: sets the checkout up and shows the guided demo. Arguments go to the demo.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareCheckout } from './bootstrap.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
await prepareCheckout();
const demo = spawn(process.execPath, [join(root, 'bin', 'refmon.cjs'), 'demo', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
demo.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 130);
});
