/** `refmon ssr ls`, `verify`, `scrub` and `inspect`: looking without changing. */
import type { Command } from 'commander';
import type { Terminal } from '../../../bin/terminal.ts';
import { openFileStore } from '../../store/file-store.ts';
import { readSuperblocks } from '../../superblock.ts';
import type { Volume } from '../../volume.ts';
import { hex, human, report, withTpm, withVolume } from '../shared/cli.ts';
import type { GetTerminal, TpmFlags } from '../shared/cli.ts';

export function registerLooking(ssr: Command, terminal: GetTerminal): void {
  const looking = (
    name: string,
    summary: string,
    look: (volume: Volume, terminal: Terminal) => Promise<void>,
  ): void => {
    withTpm(ssr.command(name).summary(summary).argument('<store>', 'the volume')).action(
      async (store: string, flags: TpmFlags) => {
        await withVolume({ store, flags, terminal: terminal(), command: `ssr ${name}` }, (volume) =>
          look(volume, terminal()),
        );
      },
    );
  };
  looking('ls', 'list the regions', (volume, out) => {
    const regions = volume.list();
    for (const { name, sizeBytes, mode } of regions)
      out.print(`${human(sizeBytes).padStart(12)}  ${mode.padEnd(14)}  ${name}`);
    out.finish('ok', { command: 'ssr ls', status: 'ok', epoch: volume.epoch, regions });
    return Promise.resolve();
  });
  looking('verify', 'is this the latest state? reads superblocks, directory and the TPM', (volume, out) => {
    out.print(`${out.paint('green', 'fresh')}: the disk is at epoch ${volume.epoch}, and so is the TPM`);
    out.finish('ok', { command: 'ssr verify', status: 'ok', epoch: volume.epoch, opening: volume.opening });
    return Promise.resolve();
  });
  looking('scrub', 'read and verify every block; list what is damaged', scrub);
  withTpm(
    ssr.command('inspect').summary('what the superblocks say, believed or not').argument('<store>', 'the volume'),
  ).action((store: string) => {
    inspect(store, terminal());
  });
}

async function scrub(volume: Volume, terminal: Terminal): Promise<void> {
  const progress = terminal.progress('scrubbing');
  const report = await volume.scrub((done, total) => {
    progress.update(`scrubbing: ${human(done)} of ${human(total)}`);
  });
  progress.clear();
  for (const { region, message } of report.damage) terminal.complain(`damaged  ${region}: ${message}`);
  const isDamaged = report.damage.length > 0;
  terminal.print(
    `${report.blocks} blocks and ${report.nodes} nodes verified, ${report.damage.length} damaged, epoch ${volume.epoch}`,
  );
  terminal.finish(isDamaged ? 'violation' : 'ok', {
    command: 'ssr scrub',
    status: isDamaged ? 'damaged' : 'ok',
    epoch: volume.epoch,
    ...report,
  });
}

/** Without the TPM nothing of this is verified, and it says so. */
function inspect(path: string, terminal: Terminal): void {
  const command = 'ssr inspect';
  try {
    const store = openFileStore({ path });
    const superblocks = readSuperblocks(store).map(({ superblock: s }) => ({
      kind: s.isTentative ? 'tentative' : 'anchored',
      epoch: s.epoch,
      version: s.version,
      volumeId: hex(s.volumeId),
      blockSizeBytes: s.blockSizeBytes,
      arity: s.arity,
      regionsMax: s.directorySlots,
      anchorIndices: Array.from({ length: s.anchor.slotCount }, (_, slot) => s.anchor.firstIndex + slot),
      pcrs: s.pcrs,
      hasRecoveryKey: s.wrappedKeys !== undefined,
      allowsNotFresh: s.allowsNotFresh,
    }));
    store.close();
    for (const s of superblocks) {
      terminal.print(`${s.kind} superblock: epoch ${s.epoch}, version ${s.version}, volume ${s.volumeId}`);
      terminal.print(
        `  blocks of ${s.blockSizeBytes} bytes, arity ${s.arity}, PCRs ${s.pcrs.join(' ')}, recovery key: ${s.hasRecoveryKey ? 'yes' : 'no'}`,
      );
    }
    terminal.print(
      `${superblocks.length} superblocks as the disk shows them; nothing here is verified: \`refmon ssr verify\` asks the TPM`,
    );
    terminal.finish(superblocks.length > 0 ? 'ok' : 'rejected', {
      command,
      status: superblocks.length > 0 ? 'ok' : 'failed',
      isVerified: false,
      superblocks,
    });
  } catch (error) {
    report(terminal, command, error);
  }
}
