/**
 * The command line: runs what `program.ts` lists, and turns every end into an exit code and words.
 */
import { CommanderError } from 'commander';
import { program, registerCommands, terminal, version, wantedCommand } from './program.ts';
import { EXIT } from './terminal.ts';

/** The world failed in a way that has a name: say it, and what to do. */
function isTyped(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

/** `ENOENT: no such file or directory, open 'x'` as a person would say it. */
function plainWords(error: Error & { code: string }): string {
  const system = /^E[A-Z]+: (.*), \w+(?: '(.*)')?$/.exec(error.message);
  return system === null ? error.message : `${system[2] ?? 'a file'}: ${system[1] ?? ''}`;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0); // `refmon ... | head` is no failure
  throw error;
});

async function main(): Promise<void> {
  try {
    await registerCommands(wantedCommand(process.argv.slice(2)));
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    } else if (isTyped(error)) {
      const exit = error.code.startsWith('ENV_') ? 'environment' : 'rejected';
      terminal().complain(`refmon: ${plainWords(error)}`);
      terminal().finish(exit, {
        command: program.args[0] ?? '',
        status: 'failed',
        error: { code: error.code, message: error.message },
      });
    } else {
      terminal().complain(`refmon ${version}: this is a bug in refmon; please report it with the input that caused it`);
      terminal().complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
      process.exitCode = EXIT.bug;
    }
  }
}

void main();
