/** `refmon ssr recover`: by the recovery key, with consent, without any promise of freshness. */
import type { Command } from 'commander';
import { recoverVolume } from '../../recover-volume.ts';
import { openFileStore } from '../../store/file-store.ts';
import { readRecoveryKey, report, tpmOf, withTpm } from '../shared/cli.ts';
import type { GetTerminal, TpmFlags } from '../shared/cli.ts';

export function registerRecover(ssr: Command, terminal: GetTerminal): void {
  withTpm(
    ssr
      .command('recover')
      .summary('open a volume whose TPM is lost, without any promise of freshness')
      .argument('<store>', 'the volume'),
  )
    .requiredOption('--recovery-key <file>', 'the key that `create` wrote')
    .requiredOption('--accept-loss', 'you know that whoever could write the disk chose the state that you will see')
    .action(async (store: string, flags: TpmFlags & { recoveryKey: string }) => {
      const command = 'ssr recover';
      const out = terminal();
      try {
        const recoveryKey = readRecoveryKey(flags.recoveryKey);
        await using chip = await tpmOf(flags, store);
        const file = openFileStore({ path: store });
        await using volume = await recoverVolume({ store: file, tpm: chip.tpm, recoveryKey, acceptLoss: true });
        out.complain('refmon: RECOVERED WITHOUT FRESHNESS: this may be any earlier state of the volume');
        out.print(`recovered ${store}: epoch ${volume.epoch}, ${volume.list().length} regions, anchored anew`);
        out.finish('ok', { command, status: 'ok', isFresh: false, epoch: volume.epoch, regions: volume.list() });
      } catch (error) {
        report(out, command, error);
      }
    });
}
