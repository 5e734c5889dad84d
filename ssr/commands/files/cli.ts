/** `refmon ssr put`, `get` and `rm`: whole files as regions, verified or not shown at all. */
import type { Command } from 'commander';
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Terminal } from '../../../bin/terminal.ts';
import { CHUNK_SIZE_BYTES, human, withTpm, withVolume } from '../shared/cli.ts';
import type { GetTerminal, TpmFlags } from '../shared/cli.ts';

interface PutFlags extends TpmFlags {
  readonly integrityOnly?: boolean;
}

export function registerPut(ssr: Command, terminal: GetTerminal): void {
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

export function registerGet(ssr: Command, terminal: GetTerminal): void {
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
