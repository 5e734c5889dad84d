/** What the volume commands share: the choice of a TPM, opening and closing, sizes, and what an error means for scripts. */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { Terminal } from '../../../bin/terminal.ts';
import { SsrError } from '../../errors.ts';
import { openVolume } from '../../open-volume.ts';
import { openFileStore } from '../../store/file-store.ts';
import type { Volume } from '../../volume.ts';
import { defaultStateDirectory, startCommandTpm } from '../tpm-of-commands.ts';
import type { CommandTpm } from '../tpm-of-commands.ts';

export type GetTerminal = () => Terminal;

export interface TpmFlags {
  readonly tpmState?: string;
  readonly tpmDevice?: string;
}

export const CHUNK_SIZE_BYTES = 1 << 20;

export function parsePcrs(text: string): number[] {
  const pcrs = text.split(',').map(Number);
  if (pcrs.length === 0 || pcrs.some((pcr) => !Number.isInteger(pcr) || pcr < 0 || pcr > 23)) {
    throw new InvalidArgumentError('give PCR numbers from 0 to 23, as 0,4,7.');
  }
  return pcrs;
}

export function human(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** The key as `create --recovery-key` wrote it. @throws RangeError if the file holds something else */
export function readRecoveryKey(path: string): Uint8Array {
  const text = readFileSync(path, 'utf8').trim();
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new RangeError(`${path} holds no recovery key: 64 hexadecimal digits`);
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What an error means for scripts. Errors without a code are ours and go on. */
export function report(terminal: Terminal, command: string, error: unknown): void {
  if (error instanceof RangeError) {
    terminal.complain(`refmon: ${error.message}`);
    terminal.finish('usage', { command, status: 'usage', error: { code: 'USAGE', message: error.message } });
    return;
  }
  if (!(error instanceof SsrError)) throw error;
  const {
    code,
    message,
    anchorEpoch = null,
    diskEpoch = null,
    region = null,
    level = null,
    block = null,
    help,
  } = error;
  terminal.complain(`refmon: ${message} [${code}]`);
  if (anchorEpoch !== null || diskEpoch !== null) {
    terminal.complain(
      `  epoch of the disk ${diskEpoch ?? 'unknown'}, epoch that the TPM vouches for ${anchorEpoch ?? 'unknown'}`,
    );
  }
  terminal.finish(error.isTamper ? 'violation' : 'rejected', {
    command,
    status: error.isTamper ? 'refused' : 'failed',
    error: { code, message, anchorEpoch, diskEpoch, region, level, block, help },
  });
}

export function tpmOf(flags: TpmFlags, store: string): Promise<CommandTpm> {
  return startCommandTpm(
    {
      ...(flags.tpmState !== undefined && { state: flags.tpmState }),
      ...(flags.tpmDevice !== undefined && { device: flags.tpmDevice }),
    },
    store,
  );
}

/** Opens, does, closes; and says what went wrong. */
export async function withVolume(
  context: { readonly store: string; readonly flags: TpmFlags; readonly terminal: Terminal; readonly command: string },
  body: (volume: Volume) => Promise<void>,
): Promise<void> {
  const { store, flags, terminal, command } = context;
  try {
    // Before the TPM is started: a mistyped path deserves its own message.
    const opened = openFileStore({ path: store });
    await using chip = await tpmOf(flags, store).catch((error: unknown) => {
      opened.close();
      throw error;
    });
    await using volume = await openVolume({ store: opened, tpm: chip.tpm });
    if (volume.opening.wasSlotTorn) terminal.note('refmon: a power cut tore an NV write; the next commit mends it');
    await body(volume);
  } catch (error) {
    report(terminal, command, error);
  }
}

/** Commands share the choice of a TPM. */
export function withTpm(command: Command): Command {
  return command
    .option(
      '--tpm-state <dir>',
      `state of the simulated chip, apart from the store (default: ${defaultStateDirectory()})`,
    )
    .option('--tpm-device <path>', 'a real TPM in its place, as /dev/tpmrm0');
}
