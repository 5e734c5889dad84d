/** The shield's command: `refmon shield`. */
import type { Command } from 'commander';
import { seconds } from '../../bin/numbers.ts';
import type { Terminal } from '../../bin/terminal.ts';
import { SHIELD_NAMES } from './devices.ts';
import type { ShowFlags } from './show.ts';

const TIMEOUT_SECONDS_MAX = 3600;

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

export function registerShieldCommands(program: Command, terminal: () => Terminal): void {
  program
    .command('shield')
    .summary('an unmodified Linux driver behind the monitor')
    .description(
      'Boots Linux in a machine whose one device is reached only through the monitor, lets its own driver work with it, and ' +
        'shows what was vetted. With --rogue the guest then does harm: it is refused, the device is reset, the guest lives on. ' +
        `Devices: ${SHIELD_NAMES.join(', ')}; \`all\` for one after the other. The guest's kernel comes from the Debian archive, once.`,
    )
    .argument('[device]', 'which device', 'e1000')
    .option('--rogue', 'the guest misbehaves after its work')
    .option('--record <file>', 'write the trace of the driver; with `all`, a folder')
    .option('--spec <file>', "another specification than the device's own")
    .option('--timeout <seconds>', 'give the guest up after this long', seconds(TIMEOUT_SECONDS_MAX), 300)
    .option('--any-qemu', 'also with a QEMU whose proxy protocol is untested')
    .option(
      '--kernel <file>',
      "a Debian package to take the guest's kernel from; again for its modules' package",
      collect,
    )
    .option('--script <file>', 'shell text that the guest runs after its work')
    .option('--module <name>', 'another module for the script; may be repeated', collect)
    .option('--console', "show the guest's console too")
    .option('--setup', "only fetch the guest's kernel")
    .action(async (device: string, flags: ShowFlags) => {
      const { showShield } = await import('./show.ts');
      await showShield(device, flags, terminal());
    });
}
