/**
 * The TPM that a command line uses: a chip behind a device file, or swtpm with a state directory that stands for the chip.
 *
 * The state directory is the trusted part: whoever can put an old copy of it back has rewound the chip, and no software can
 * notice. So it must not lie with the store, on the disk that it is there to watch. swtpm's state is encrypted with a key
 * in a file of mode 0600 beside it, which keeps damage to the state from being accepted in silence, and keeps nothing
 * from someone who owns the directory.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { nodeCrypto } from '../tpm/crypto-node.ts';
import { Tpm } from '../tpm/client.ts';
import { shutdown } from '../tpm/commands.ts';
import { startSwtpm, SWTPM_KEY_SIZE_BYTES } from '../tpm/swtpm.ts';
import { openDevice } from '../tpm/transport.ts';

const KEY_FILE = 'refmon.key';

export interface TpmChoice {
  /** Directory of swtpm's state. */
  readonly state?: string;
  /** A device such as /dev/tpmrm0, in place of swtpm. */
  readonly device?: string;
}

export interface CommandTpm extends AsyncDisposable {
  readonly tpm: Tpm;
  /** For notes: which TPM this is. */
  readonly description: string;
}

export function defaultStateDirectory(): string {
  return join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'refmon', 'tpm');
}

/** The key, made at first use. `wx` so that two first uses cannot each make one. */
function stateKey(directory: string): Uint8Array {
  const path = join(directory, KEY_FILE);
  try {
    writeFileSync(path, randomBytes(SWTPM_KEY_SIZE_BYTES), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return Uint8Array.from(readFileSync(path));
}

function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === '' || !(way.startsWith('..') || resolve(way) === way);
}

/** @throws RangeError if the store lies in the TPM's directory; SwtpmError, TpmTransportError if there is no TPM */
export async function startCommandTpm(choice: TpmChoice, storePath: string): Promise<CommandTpm> {
  if (choice.device !== undefined) {
    const tpm = new Tpm(await openDevice(choice.device), { crypto: nodeCrypto });
    await tpm.startup();
    return { tpm, description: choice.device, [Symbol.asyncDispose]: () => tpm.close() };
  }
  const directory = resolve(choice.state ?? defaultStateDirectory());
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (isInside(realpathSync(dirname(resolve(storePath))), realpathSync(directory))) {
    throw new RangeError(`the store must not lie in the TPM's state directory ${directory}, which stands for the chip`);
  }
  const swtpm = await startSwtpm({ stateDirectory: directory, key: stateKey(directory) });
  const tpm = new Tpm(swtpm.transport, { crypto: nodeCrypto });
  try {
    await tpm.startup();
  } catch (error) {
    await swtpm.stop();
    throw error;
  }
  return {
    tpm,
    description: `swtpm with its state in ${directory}`,
    async [Symbol.asyncDispose]() {
      await tpm.run(shutdown('clear')).catch(() => undefined);
      await swtpm.stop();
    },
  };
}
