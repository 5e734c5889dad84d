/** `refmon ssr create`: an empty volume in a new file, under a TPM. */
import type { Command } from 'commander';
import { rmSync, writeFileSync } from 'node:fs';
import { sizeInBytes, wholeNumber } from '../../../bin/numbers.ts';
import type { Terminal } from '../../../bin/terminal.ts';
import { SLOT_COUNT_MAX, SLOT_COUNT_MIN } from '../../anchor-slots.ts';
import { createVolume } from '../../create-volume.ts';
import { makeRecoveryKey } from '../../keys.ts';
import { ARITY_MAX } from '../../merkle/shape.ts';
import { openFileStore } from '../../store/file-store.ts';
import { ARITY_MIN } from '../../superblock.ts';
import { hex, parsePcrs, report, tpmOf, withTpm } from '../shared/cli.ts';
import type { GetTerminal, TpmFlags } from '../shared/cli.ts';

interface CreateFlags extends TpmFlags {
  readonly blockSize?: number;
  readonly arity?: number;
  readonly capacity?: number;
  readonly pcr?: number[];
  readonly slots?: number;
  readonly recoveryKey?: string;
  readonly allowNotFresh?: boolean;
}

export function registerCreate(ssr: Command, terminal: GetTerminal): void {
  withTpm(ssr.command('create').summary('make an empty volume in a new file').argument('<store>', 'the file to make'))
    .option('--block-size <bytes>', 'a power of two; see `refmon ssr plan`', sizeInBytes)
    .option('--arity <n>', 'children of a tree node', wholeNumber(ARITY_MIN, ARITY_MAX))
    .option('--capacity <size>', 'most that the file may grow to', sizeInBytes)
    .option('--pcr <list>', 'PCRs whose present values open it, as 0,4,7', parsePcrs)
    .option('--slots <n>', 'NV indices to use in turn: more wear less', wholeNumber(SLOT_COUNT_MIN, SLOT_COUNT_MAX))
    .option('--recovery-key <file>', 'write a recovery key there; then move it offline')
    .option('--allow-not-fresh', 'permit durable-not-fresh commits')
    .action(async (store: string, flags: CreateFlags) => {
      await create(store, flags, terminal());
    });
}

async function create(store: string, flags: CreateFlags, terminal: Terminal): Promise<void> {
  const command = 'ssr create';
  let isMade = false;
  try {
    await using chip = await tpmOf(flags, store);
    const recoveryKey = flags.recoveryKey === undefined ? undefined : makeRecoveryKey();
    if (flags.recoveryKey !== undefined && recoveryKey !== undefined) {
      writeFileSync(flags.recoveryKey, `${hex(recoveryKey)}\n`, { mode: 0o600, flag: 'wx' });
    }
    const file = openFileStore({ path: store, open: 'new' });
    isMade = true;
    await using volume = await createVolume({
      store: file,
      tpm: chip.tpm,
      ...(flags.blockSize !== undefined && { blockSizeBytes: flags.blockSize }),
      ...(flags.arity !== undefined && { arity: flags.arity }),
      ...(flags.capacity !== undefined && { capacityBytes: flags.capacity }),
      ...(flags.pcr !== undefined && { pcrs: flags.pcr }),
      ...(flags.slots !== undefined && { slotCount: flags.slots }),
      ...(recoveryKey !== undefined && { recoveryKey }),
      allowNotFresh: flags.allowNotFresh === true,
    });
    const { blockSizeBytes, arity } = volume.geometry;
    const indices = volume.anchorIndices.map((index) => `0x${index.toString(16)}`).join(' and ');
    terminal.print(
      `created ${store}: blocks of ${blockSizeBytes} bytes, arity ${arity}, epoch ${volume.epoch}, anchor at ${indices}`,
    );
    terminal.note(`the TPM is ${chip.description}`);
    if (flags.tpmDevice === undefined) {
      terminal.note(
        'this directory stands for the chip: whoever can rewind it can rewind the store; keep it off the disk of the store',
      );
    }
    if (flags.recoveryKey !== undefined) terminal.note(`recovery key in ${flags.recoveryKey}: move it offline`);
    isMade = false;
    terminal.finish('ok', {
      command,
      status: 'ok',
      store,
      volumeId: hex(volume.volumeId),
      epoch: volume.epoch,
      ...volume.geometry,
      anchorIndices: volume.anchorIndices,
    });
  } catch (error) {
    // A file that holds half a volume would only be in the way of the next attempt.
    if (isMade) rmSync(store, { force: true });
    report(terminal, command, error);
  }
}
