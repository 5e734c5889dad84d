/**
 * `refmon ssr create|put|get|rm|ls|verify|scrub|inspect|recover`: volumes from the command line.
 *
 * Each command opens the volume, does one thing in one transaction and closes it. What looks like tampering ends with
 * exit code 3 and, where they are known, the epoch of the disk and the epoch that the TPM vouches for.
 */
import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import type { Terminal } from '../../bin/terminal.ts';
import { SsrError } from '../errors.ts';
import { makeRecoveryKey } from '../keys.ts';
import { createVolume } from '../create-volume.ts';
import { openVolume } from '../open-volume.ts';
import { recoverVolume } from '../recover-volume.ts';
import { openFileStore } from '../store/file-store.ts';
import type { Volume } from '../volume.ts';
import { readSuperblocks } from '../volume-core.ts';
import { defaultStateDirectory, startCommandTpm } from './tpm-of-commands.ts';
import type { CommandTpm } from './tpm-of-commands.ts';

type GetTerminal = () => Terminal;

interface TpmFlags {
  readonly tpmState?: string;
  readonly tpmDevice?: string;
}

const CHUNK_SIZE_BYTES = 1 << 20;

/** `64MiB`, `512KiB`, `1000`. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)?$/i.exec(text.trim());
  const power = ['b', 'kib', 'mib', 'gib', 'tib'].indexOf((match?.[2] ?? 'B').toLowerCase());
  const bytes = Number(match?.[1]) * 1024 ** power;
  if (match === null || !Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError('give a size such as 65536, 512KiB, 64MiB or 1GiB.');
  }
  return bytes;
}

function parsePcrs(text: string): number[] {
  const pcrs = text.split(',').map(Number);
  if (pcrs.length === 0 || pcrs.some((pcr) => !Number.isInteger(pcr) || pcr < 0 || pcr > 23)) {
    throw new InvalidArgumentError('give PCR numbers from 0 to 23, as 0,4,7.');
  }
  return pcrs;
}

function human(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What an error means for scripts. Errors without a code are ours and go on. */
function report(terminal: Terminal, command: string, error: unknown): void {
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

function tpmOf(flags: TpmFlags, store: string): Promise<CommandTpm> {
  return startCommandTpm(
    {
      ...(flags.tpmState !== undefined && { state: flags.tpmState }),
      ...(flags.tpmDevice !== undefined && { device: flags.tpmDevice }),
    },
    store,
  );
}

/** Opens, does, closes; and says what went wrong. */
async function withVolume(
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
function withTpm(command: Command): Command {
  return command
    .option(
      '--tpm-state <dir>',
      `state of the simulated chip, apart from the store (default: ${defaultStateDirectory()})`,
    )
    .option('--tpm-device <path>', 'a real TPM in its place, as /dev/tpmrm0');
}

export function registerVolumeCommands(ssr: Command, terminal: GetTerminal): void {
  registerCreate(ssr, terminal);
  registerPut(ssr, terminal);
  registerGet(ssr, terminal);
  registerLooking(ssr, terminal);
  registerRecover(ssr, terminal);
}

// --- create -----------------------------------------------------------------------------------------------------------

interface CreateFlags extends TpmFlags {
  readonly blockSize?: number;
  readonly arity?: number;
  readonly capacity?: number;
  readonly pcr?: number[];
  readonly slots?: number;
  readonly recoveryKey?: string;
  readonly allowNotFresh?: boolean;
}

function registerCreate(ssr: Command, terminal: GetTerminal): void {
  withTpm(ssr.command('create').summary('make an empty volume in a new file').argument('<store>', 'the file to make'))
    .option('--block-size <bytes>', 'a power of two; see `refmon ssr plan`', parseBytes)
    .option('--arity <n>', 'children of a tree node', Number)
    .option('--capacity <size>', 'most that the file may grow to', parseBytes)
    .option('--pcr <list>', 'PCRs whose present values open it, as 0,4,7', parsePcrs)
    .option('--slots <n>', 'NV indices to use in turn: more wear less', Number)
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

// --- put, get, rm -----------------------------------------------------------------------------------------------------

interface PutFlags extends TpmFlags {
  readonly integrityOnly?: boolean;
}

function registerPut(ssr: Command, terminal: GetTerminal): void {
  withTpm(
    ssr
      .command('put')
      .summary('store a file as a region, all of it or nothing')
      .argument('<store>', 'the volume')
      .argument('<region>', 'name of the region; replaced if it exists')
      .argument('[file]', 'what to store; `-` or nothing: standard input', '-'),
  )
    .option('--integrity-only', 'do not encrypt: intact and fresh, but public')
    .action(async (store: string, name: string, file: string, flags: PutFlags) => {
      await put(store, name, file, flags, terminal());
    });
}

async function put(store: string, name: string, file: string, flags: PutFlags, terminal: Terminal): Promise<void> {
  const command = 'ssr put';
  const input = file === '-' ? 0 : openSync(file, 'r');
  const totalBytes = file === '-' ? 0 : fstatSync(input).size;
  await withVolume({ store, flags, terminal, command }, async (volume) => {
    const progress = terminal.progress(`writing ${name}`);
    const startedMs = performance.now();
    let sizeBytes = 0;
    try {
      await volume.transaction((transaction) => {
        if (volume.list().some((region) => region.name === name)) transaction.delete(name);
        const region = transaction.create(name, {
          sizeBytes: totalBytes,
          mode: flags.integrityOnly === true ? 'integrity-only' : 'encrypted',
        });
        const chunk = new Uint8Array(CHUNK_SIZE_BYTES);
        for (;;) {
          const count = readChunk(input, chunk);
          if (count === 0) break;
          if (sizeBytes + count > region.sizeBytes) region.resize(sizeBytes + count);
          region.write(sizeBytes, chunk.subarray(0, count));
          sizeBytes += count;
          progress.update(`writing ${name}: ${human(sizeBytes)}${totalBytes > 0 ? ` of ${human(totalBytes)}` : ''}`);
        }
        if (region.sizeBytes !== sizeBytes) region.resize(sizeBytes);
      });
    } catch (error) {
      progress.clear();
      throw error;
    }
    progress.clear();
    const seconds = (performance.now() - startedMs) / 1000;
    terminal.print(`put ${name}: ${human(sizeBytes)}, epoch ${volume.epoch}`);
    terminal.finish('ok', { command, status: 'ok', region: name, sizeBytes, epoch: volume.epoch, seconds });
  });
  if (input !== 0) closeSync(input);
}

/** Fills the chunk unless the input ends. A pipe may say "not now": that is not its end. */
function readChunk(descriptor: number, chunk: Uint8Array): number {
  let count = 0;
  while (count < chunk.length) {
    try {
      const more = readSync(descriptor, chunk, count, chunk.length - count, null);
      if (more === 0) break;
      count += more;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') break;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return count;
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function registerGet(ssr: Command, terminal: GetTerminal): void {
  withTpm(
    ssr
      .command('get')
      .summary('read a region, verified')
      .argument('<store>', 'the volume')
      .argument('<region>', 'name of the region'),
  )
    .option('-o, --output <file>', 'where to; standard output by default. The file appears only if all is verified')
    .action(async (store: string, name: string, flags: TpmFlags & { output?: string }) => {
      await get(store, name, flags, terminal());
    });
  withTpm(
    ssr
      .command('rm')
      .summary('delete a region')
      .argument('<store>', 'the volume')
      .argument('<region>', 'name of the region'),
  ).action(async (store: string, name: string, flags: TpmFlags) => {
    const command = 'ssr rm';
    await withVolume({ store, flags, terminal: terminal(), command }, async (volume) => {
      await volume.transaction((transaction) => transaction.delete(name));
      terminal().print(`deleted ${name}, epoch ${volume.epoch}`);
      terminal().finish('ok', { command, status: 'ok', region: name, epoch: volume.epoch });
    });
  });
}

async function get(
  store: string,
  name: string,
  flags: TpmFlags & { output?: string },
  terminal: Terminal,
): Promise<void> {
  const command = 'ssr get';
  await withVolume({ store, flags, terminal, command }, async (volume) => {
    if (flags.output === undefined && terminal.format === 'json') {
      throw new RangeError('with --format json give --output: standard output carries the JSON document');
    }
    const region = volume.region(name);
    const { sizeBytes } = region;
    const temporary = flags.output === undefined ? undefined : `${flags.output}.${process.pid}.part`;
    const output = temporary === undefined ? 1 : openSync(temporary, 'wx', 0o600);
    const progress = terminal.progress(`reading ${name}`);
    try {
      for (let offset = 0; offset < sizeBytes; offset += CHUNK_SIZE_BYTES) {
        writeAll(output, region.read(offset, Math.min(CHUNK_SIZE_BYTES, sizeBytes - offset)));
        progress.update(`reading ${name}: ${human(offset)} of ${human(sizeBytes)}`);
      }
      if (temporary !== undefined && flags.output !== undefined) {
        closeSync(output);
        renameSync(temporary, flags.output);
      }
    } catch (error) {
      if (temporary !== undefined) rmSync(temporary, { force: true });
      throw error;
    } finally {
      progress.clear();
    }
    if (flags.output !== undefined) terminal.print(`got ${name}: ${human(sizeBytes)}, verified, epoch ${volume.epoch}`);
    terminal.finish('ok', {
      command,
      status: 'ok',
      region: name,
      sizeBytes,
      epoch: volume.epoch,
      output: flags.output,
    });
    await Promise.resolve();
  });
}

// --- ls, verify, scrub, inspect ---------------------------------------------------------------------------------------

function registerLooking(ssr: Command, terminal: GetTerminal): void {
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

// --- recover ----------------------------------------------------------------------------------------------------------

function registerRecover(ssr: Command, terminal: GetTerminal): void {
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
        const recoveryKey = Uint8Array.from(Buffer.from(readFileSync(flags.recoveryKey, 'utf8').trim(), 'hex'));
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
