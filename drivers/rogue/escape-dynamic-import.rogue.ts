/**
 * Tries to load modules: the file system, child processes, worker threads.
 *
 * A dynamic import needs no global to be in scope, only the syntax; so it is written in pieces and put together at run
 * time, past any look at the source.
 * Must be contained by the compartment: code compiled at run time has no module loader.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import type { Trick } from './escape-report.ts';
import { authorityOf, escapeMessage } from './escape-report.ts';
import { bare } from './bare.ts';

const KEYWORD = ['im', 'port'].join('');
const MODULES = ['node:fs', 'node:child_process', 'node:worker_threads', 'node:process'];
const ANSWER_US = 200_000;

type Compiler = (source: string) => () => unknown;
const compile = (() => 0).constructor as unknown as Compiler;
const compileAsync = (async () => Promise.resolve(0)).constructor as unknown as Compiler;

function tricks(module: string): Trick[] {
  const call = `${KEYWORD}(${JSON.stringify(module)})`;
  const evaluate = globalThis.eval;
  return [
    { name: `eval ${module}`, try: () => evaluate(call) as unknown },
    {
      name: `eval with a comment ${module}`,
      try: () => evaluate(`${KEYWORD}/**/(${JSON.stringify(module)})`) as unknown,
    },
    {
      name: `eval with an escape ${module}`,
      try: () => evaluate(`im\\u0070ort(${JSON.stringify(module)})`) as unknown,
    },
    {
      name: `eval with a line break ${module}`,
      try: () => evaluate(`${KEYWORD}\n(${JSON.stringify(module)})`) as unknown,
    },
    { name: `function ${module}`, try: () => compile(`return ${call}`)() },
    { name: `async function ${module}`, try: () => compileAsync(`return await ${call}`)() },
    { name: `require ${module}`, try: () => compile(`return require(${JSON.stringify(module)})`)() },
    { name: `import.meta ${module}`, try: () => evaluate(`${KEYWORD}.meta`) as unknown },
  ];
}

export default (io: DeviceIo) => {
  const found: string[] = [];
  let tried = 0;
  function judge(name: string, value: unknown): void {
    const names = authorityOf(value);
    if (names.length > 0) found.push(`${name}: ${names.join(' ')}`);
  }
  return bare(io, {
    attack() {
      for (const trick of MODULES.flatMap(tricks)) {
        tried += 1;
        try {
          const value = trick.try();
          judge(trick.name, value);
          // Modules come later, if at all.
          Promise.resolve(value).then(
            (late) => judge(trick.name, late),
            () => undefined,
          );
        } catch {
          // Refused, as it should be.
        }
      }
      io.setTimer(ANSWER_US);
    },
    timer() {
      io.send(escapeMessage(tried, found));
    },
  });
};
