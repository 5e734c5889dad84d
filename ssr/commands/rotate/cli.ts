/** `refmon ssr rotate`: a new key for one region, or a new root key for the whole volume. */
import type { Command } from 'commander';
import { readRecoveryKey, withTpm, withVolume } from '../shared/cli.ts';
import type { GetTerminal, TpmFlags } from '../shared/cli.ts';

interface RotateFlags extends TpmFlags {
  readonly recoveryKey?: string;
}

export function registerRotate(ssr: Command, terminal: GetTerminal): void {
  withTpm(
    ssr
      .command('rotate')
      .summary('seal a region, or the whole volume, anew under a new key')
      .argument('<store>', 'the volume')
      .argument('[region]', 'only this region’s key; without it the root key, and with it all keys'),
  )
    .option('--recovery-key <file>', 'the key that `create` wrote, if it did: it will open the new root key too')
    .action(async (store: string, region: string | undefined, flags: RotateFlags) => {
      const command = 'ssr rotate';
      const out = terminal();
      await withVolume({ store, flags, terminal: out, command }, async (volume) => {
        const progress = out.progress('sealing everything anew');
        try {
          if (region !== undefined) await volume.rotateKey(region);
          else
            await volume.rotateRootKey(
              flags.recoveryKey === undefined ? undefined : readRecoveryKey(flags.recoveryKey),
            );
        } finally {
          progress.clear();
        }
        out.print(`rotated ${region === undefined ? 'the root key' : `the key of ${region}`}: epoch ${volume.epoch}`);
        out.finish('ok', { command, status: 'ok', region: region ?? null, epoch: volume.epoch });
      });
    });
}
