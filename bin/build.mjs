// Builds the checkout: type-check and emit with TypeScript 7, then bundle what must start fast or travel as one text.
// Exits with the compiler's own code. Run by `npm run build` and, through `prepare`, by `npm ci`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const tsc = join(root, 'node_modules', 'tsc7', 'bin', 'tsc');
if (!existsSync(tsc)) {
  console.log('refmon: the compiler is not installed (production install); nothing to build');
  process.exit(0);
}

rmSync(join(root, 'dist'), { recursive: true, force: true });
const compiled = spawnSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit', cwd: root });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const { build } = await import('esbuild');
const { default: ts } = await import('typescript');

/** Every untrusted driver program is one self-contained script: the compartment has no module loader. */
function driverPrograms() {
  return ['drivers', 'proptests'].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true })
      .filter((file) => /(^|\/)driver\.ts$|\.driver\.ts$|\.rogue\.ts$/.test(file))
      .map((file) => join(room, file)),
  );
}

const bundle = join(root, 'dist', 'cli', 'refmon.js');

/** Node knows no loader for what runs from V8's cache: in place of `import()` the bundle calls `importModule`. */
function withLoader(text) {
  const places = [];
  const visit = (node) => {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) places.push(node.expression);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('bundle.js', text, ts.ScriptTarget.ES2023));
  let end = 0;
  const parts = places.map((place) => {
    const before = text.slice(end, place.end - 'import'.length);
    end = place.end;
    return `${before}importModule`;
  });
  return parts.join('') + text.slice(end);
}

/** Runs the command once, on a real specification, and keeps what V8 compiled on the way. */
function cacheCode() {
  const args = [join(root, 'bin', 'refmon.cjs'), 'check', join(root, 'drivers', 'e1000', 'e1000.dss')];
  const made = spawnSync(process.execPath, args, { argv0: 'refmon-build' });
  if (made.status !== 0) throw new Error(`the code cache could not be made: ${made.stderr.toString()}`);
}

const common = { absWorkingDir: root, bundle: true, platform: 'node', target: 'node20', logLevel: 'warning' };
const builds = [];
if (existsSync(join(root, 'bin', 'refmon.ts'))) {
  // The CLI: unbundled, chevrotain 11 alone costs 0.4 s at every start. One script, whose value is a function, so that V8's
  // code cache covers all of it (`bin/refmon.cjs` runs it; ADR 0013).
  builds.push(
    build({
      ...common,
      entryPoints: ['dist/bin/refmon.js'],
      write: false,
      format: 'cjs',
      minify: true,
      define: { 'import.meta.url': 'bundleUrl' },
      banner: { js: '(function(require,module,exports,bundleUrl,importModule){' },
      footer: { js: '})' },
      external: ['@viz-js/viz', '@observablehq/plot', 'linkedom'],
    }).then(({ outputFiles: [{ text }] }) => {
      mkdirSync(dirname(bundle), { recursive: true });
      writeFileSync(bundle, withLoader(text));
      cacheCode();
    }),
  );
}
if (existsSync(join(root, 'kernel', 'ipd-worker.ts'))) {
  builds.push(
    build({
      ...common,
      entryPoints: ['dist/kernel/ipd-worker.js'],
      outfile: 'dist/kernel/ipd-worker.bundle.js',
      format: 'esm',
    }),
  );
}
for (const program of driverPrograms()) {
  builds.push(
    build({
      ...common,
      platform: 'neutral',
      entryPoints: [program],
      outfile: join('dist', program.replace(/\.ts$/, '.program.js')),
      format: 'iife',
      globalName: 'program',
      footer: { js: 'program.default' },
    }),
  );
}
await Promise.all(builds);

// `npx refmon` in the checkout: without the link, npx would first install the checkout into its own cache.
const link = join(root, 'node_modules', '.bin', 'refmon');
if (existsSync(dirname(link)) && !existsSync(link)) {
  rmSync(link, { force: true }); // it may be there and lead nowhere
  symlinkSync(join('..', '..', 'bin', 'refmon.cjs'), link);
}
