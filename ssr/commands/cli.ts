/**
 * `refmon ssr create|put|get|rm|ls|verify|scrub|inspect|rotate|recover`: volumes from the command line.
 *
 * Each command opens the volume, does one thing in one transaction and closes it. What looks like tampering ends with
 * exit code 3 and, where they are known, the epoch of the disk and the epoch that the TPM vouches for.
 */
import type { Command } from 'commander';
import { registerCreate } from './create/cli.ts';
import { registerGet, registerPut } from './files/cli.ts';
import { registerLooking } from './look/cli.ts';
import { registerRecover } from './recover/cli.ts';
import { registerRotate } from './rotate/cli.ts';
import type { GetTerminal } from './shared/cli.ts';

export function registerVolumeCommands(ssr: Command, terminal: GetTerminal): void {
  registerCreate(ssr, terminal);
  registerPut(ssr, terminal);
  registerGet(ssr, terminal);
  registerLooking(ssr, terminal);
  registerRotate(ssr, terminal);
  registerRecover(ssr, terminal);
}
