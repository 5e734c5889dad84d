/**
 * One system of `bench-merkle.ts` in a process of its own, which stays alive and does a few calls whenever it is asked to.
 *
 * So systems can take turns of milliseconds, all with their trees built: a processor that is slow for a while is then slow for
 * all of them. One line of JSON answers each question; the questions are `batch` and `single`.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('../ssr/bench-merkle-child.js', import.meta.url));
const FLAGS = ['--expose-gc', '--max-old-space-size=4096'];
const NOTE_MAX_CHARS = 4096;

export class Contender {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #exit: Promise<unknown>;
  readonly #timer: NodeJS.Timeout;
  #errors = '';

  /** @param args system, leaves, updates and mode, as the child wants them */
  constructor(args: readonly string[], timeoutMs: number) {
    this.#child = spawn(process.execPath, [...FLAGS, CHILD, ...args]);
    this.#exit = once(this.#child, 'close');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-NOTE_MAX_CHARS);
    });
    // A child that has died is noticed by its missing answer.
    this.#child.stdin.on('error', () => undefined);
    this.#timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs);
  }

  /** The next line. @throws Error with what the child said last, if it ended instead */
  async answer(): Promise<unknown> {
    const line = await this.#lines.next();
    if (line.done !== true) return JSON.parse(line.value);
    await this.#exit;
    const reason = this.#errors.split('\n').find((line) => /\w*Error\b/.test(line));
    throw new Error(reason ?? 'the process ended without an answer, or took too long');
  }

  ask(question: string): Promise<unknown> {
    this.#child.stdin.write(`${question}\n`);
    return this.answer();
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#exit;
    clearTimeout(this.#timer);
  }
}
