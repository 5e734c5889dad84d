/** The verification room's commands: `bench`. */
import type { Command } from 'commander';
import type { Terminal } from '../bin/terminal.ts';

export function registerVerificationCommands(_program: Command, _terminal: () => Terminal): void {
  // filled below
}
