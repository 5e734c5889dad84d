/**
 * An emitted C monitor as a process: compiled with a real compiler, fed with recorded operations, and read back.
 * The harness (native/harness.c) holds the same descriptor memory as memory.ts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BATCH_KINDS, emitC, type Program } from '../../dsslang/index.ts';
import { packageRoot } from '../../drivers/package-root.ts';
import type { Event } from './event.ts';

/** The documented line, by which every emitted source must compile without a word. */
export const C_FLAGS = ['-std=c99', '-Wall', '-Wextra', '-Werror', '-pedantic', '-Wconversion'] as const;
export const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-g'] as const;

export type Compiler = 'gcc' | 'clang';

export function hasCompiler(compiler: Compiler): boolean {
  return spawnSync(compiler, ['--version']).status === 0;
}

export function run(command: string, args: readonly string[]): void {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}\n${done.stderr}`);
}

/** One outcome; `variables` and `states` only where the state changed. */
export interface NativeOutcome {
  readonly verdict: number;
  readonly delivered: bigint;
  readonly variables: BigUint64Array | undefined;
  readonly states: Uint32Array | undefined;
}

/** A compiled monitor in a folder of its own. */
export class NativeMonitor {
  readonly #folder = mkdtempSync(join(tmpdir(), 'refmon-c-'));
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  get #variables(): number {
    return this.#program.arrays.reduce((sum, { count }) => sum + count, this.#program.scalars.length);
  }

  /** Compiles the emitted source by the documented line (`flags` besides), and the harness around it. */
  static compile(
    program: Program,
    salt: number,
    flags: readonly string[] = ['-O2'],
    compiler: Compiler = 'gcc',
  ): NativeMonitor {
    const monitor = new NativeMonitor(program);
    const { name, header, source } = emitC(program);
    const at = (file: string): string => join(monitor.#folder, file);
    writeFileSync(at(`${name}_monitor.h`), header);
    writeFileSync(at(`${name}_monitor.c`), source);
    run(compiler, [...C_FLAGS, ...flags, '-c', at(`${name}_monitor.c`), '-o', at('monitor.o')]);
    run(compiler, [
      '-std=c99',
      ...flags,
      `-I${monitor.#folder}`,
      `-DPREFIX=${name}`,
      `-DHEADER="${name}_monitor.h"`,
      `-DVARIABLES=${monitor.#variables}`,
      `-DMACHINES=${program.machines.length}`,
      `-DSALT=${salt >>> 0}u`,
      ...(header.includes('(*stored)') ? ['-DSTORED'] : []),
      join(packageRoot(), 'proptests/dsslang/native/harness.c'),
      at('monitor.o'),
      '-o',
      at('harness'),
    ]);
    return monitor;
  }

  /** Judges a recording from the beginning, in a process of its own. @throws Error with what the process complained of */
  *judge(recording: Recording): Generator<NativeOutcome> {
    const done = spawnSync(join(this.#folder, 'harness'), { input: recording.bytes(), maxBuffer: 2 ** 31 });
    if (done.error !== undefined) throw done.error;
    if (done.status !== 0 || done.stderr.length > 0) throw new Error(`the C monitor failed: ${done.stderr.toString()}`);
    const out = done.stdout;
    const [variables, machines] = [this.#variables, this.#program.machines.length];
    for (let at = 0; at < out.length;) {
      const verdict = out.readInt32LE(at);
      const changed = out.readUInt32LE(at + 4) !== 0;
      const delivered = out.readBigUInt64LE(at + 8);
      at += 16;
      const part = changed
        ? out.buffer.slice(out.byteOffset + at, out.byteOffset + at + 8 * variables + 4 * machines)
        : undefined;
      at += part?.byteLength ?? 0;
      yield {
        verdict,
        delivered,
        variables: part === undefined ? undefined : new BigUint64Array(part, 0, variables),
        states: part === undefined ? undefined : new Uint32Array(part.slice(8 * variables)),
      };
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const RECORD_BYTES = 32;
const EPOCH = 10;
const TARGET = 11;
const PUT = 12;
const PUT_STORED = 13;

/** Operations written down for the harness. */
export class Recording {
  #bytes = Buffer.alloc(RECORD_BYTES * 1024);
  #used = 0;

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  epoch(epoch: number): void {
    this.#record(EPOCH, 0, 0, 0, BigInt(epoch), 0);
  }

  targets(targets: readonly number[]): void {
    targets.forEach((target, index) => {
      this.#record(TARGET, 0, 0, index === 0 ? 1 : 0, BigInt(target), 0);
    });
  }

  put(address: number, word: bigint): void {
    this.#record(PUT, 0, 0, 0, BigInt(address), word);
  }

  putStored(address: number, word: bigint): void {
    this.#record(PUT_STORED, 0, 0, 0, BigInt(address), word);
  }

  event(event: Event): void {
    const kind = BATCH_KINDS.indexOf(event.kind);
    switch (event.kind) {
      case 'read':
        return this.#record(kind, event.space, event.width, event.offset, 0n, event.now);
      case 'report':
      case 'write':
        return this.#record(
          kind,
          event.space,
          event.width,
          event.offset,
          (BigInt(event.hi) << 32n) | BigInt(event.lo),
          event.now,
        );
      case 'store':
        return this.#record(kind, 0, 0, event.length, BigInt(event.address), event.now);
      case 'grant':
        return this.#record(kind, 0, event.purposes, 0, BigInt(event.address), event.length);
      case 'place':
        return this.#record(kind, event.bar, 0, 0, BigInt(event.address), event.length);
      case 'interrupt':
      case 'check':
      case 'tick':
        return this.#record(kind, 0, 0, 0, 0n, event.now);
      case 'reset':
        return this.#record(kind, 0, 0, 0, 0n, 0);
    }
  }

  #record(kind: number, space: number, width: number, offset: number, value: bigint, now: number | bigint): void {
    if (this.#used === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    const at = this.#used;
    this.#bytes[at] = kind;
    this.#bytes[at + 1] = space;
    this.#bytes[at + 2] = width;
    this.#bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    this.#bytes.writeBigUInt64LE(value, at + 16);
    this.#bytes.writeBigUInt64LE(BigInt(now), at + 24);
    this.#used += RECORD_BYTES;
  }
}
