/**
 * Answers the guest's QEMU: each request is turned into an access to the device, which is a `GuestRvm` or, for
 * comparison, the bare device. The guest's processor stands still until it has its answer.
 *
 * Nothing a guest asks for can end this process: what is not the protocol ends the guest. Configuration writes are
 * bounded in number per time, since each is work for two machines and no driver has a use for many of them.
 */
import type { Duplex } from 'node:stream';
import { CONFIG_SPACE, type Space } from '../../dsslang/index.ts';
import type { ConfigWrite } from '../register-parts.ts';
import type { GuestConfigSpace } from './config-space.ts';
import { ShieldError } from './errors.ts';
import { createProxyReader, encodeReturn, type ProxyRequest } from './proxy-messages.ts';

type Width = 1 | 2 | 4;

/** What is on the other end: vetted, or not. */
export interface ProxyTarget {
  read(space: Space, offset: number, width: Width): number;
  write(space: Space, offset: number, width: Width, value: number): void;
  /** The guest's machine was reset. */
  reset(): void;
}

/** Linux and its firmware together make fewer than 100 configuration writes in a whole run. */
export const CONFIG_WRITES_BURST = 1000;
export const CONFIG_WRITES_PER_SECOND = 10;

export interface ProxyServerOptions {
  readonly socket: Duplex;
  readonly target: ProxyTarget;
  readonly config: GuestConfigSpace;
  readonly now: () => number;
  /** The registers that a configuration write is to; see `configParts`. One by default. */
  readonly parts?: (write: ConfigWrite) => readonly ConfigWrite[];
  /** Called once; the connection is over. */
  readonly onFailure: (error: unknown) => void;
  /** A configuration access that was answered here. For the recorder. */
  readonly onPlatform?: (write: boolean, offset: number, width: Width, value: number) => void;
  /** An access to a BAR was answered, this long after it came, in microseconds. */
  readonly onAnswered?: (us: number) => void;
}

export interface ProxyServer {
  /** Accesses to addresses that are in no BAR; they read as all ones. */
  readonly strays: number;
}

const connected = new WeakSet<ProxyTarget>();

/** @throws ShieldError DEVICE_BUSY when the device has a guest already */
export function serveProxy(options: ProxyServerOptions): ProxyServer {
  const { socket, target, config } = options;
  if (connected.has(target)) throw new ShieldError('DEVICE_BUSY', 'another guest has this device');
  connected.add(target);
  const reader = createProxyReader();
  let strays = 0;
  let credit = CONFIG_WRITES_BURST;
  let lastUs = options.now();

  function spendConfigWrite(): void {
    const now = options.now();
    credit = Math.min(CONFIG_WRITES_BURST, credit + ((now - lastUs) / 1_000_000) * CONFIG_WRITES_PER_SECOND);
    lastUs = now;
    if (credit < 1) {
      throw new ShieldError(
        'GUEST_FLOOD',
        `the guest writes to the configuration space more than ${CONFIG_WRITES_PER_SECOND} times a second`,
      );
    }
    credit -= 1;
  }

  function readConfig(offset: number, width: Width): bigint {
    if (!config.isPlatform(offset, width)) {
      return BigInt(config.present(offset, width, target.read(CONFIG_SPACE, offset, width)));
    }
    const value = config.read(offset, width);
    options.onPlatform?.(false, offset, width, value);
    return BigInt(value);
  }

  function writeConfig(offset: number, width: Width, value: number): void {
    spendConfigWrite();
    for (const part of options.parts?.({ offset, width, value }) ?? [{ offset, width, value }]) writePart(part);
  }

  function writePart({ offset, width, value }: ConfigWrite): void {
    if (!config.isPlatform(offset, width)) return target.write(CONFIG_SPACE, offset, width, value);
    config.write(offset, width, value);
    options.onPlatform?.(true, offset, width, value);
  }

  function readBar({ memory, address, width }: Extract<ProxyRequest, { kind: 'read' }>): bigint {
    const place = config.locate(memory, address, width);
    if (place === undefined) {
      strays += 1;
      return (1n << BigInt(8 * width)) - 1n;
    }
    if (width !== 8) return BigInt(target.read(place.bar, place.offset, width));
    // No bus that is modelled here has accesses of 8 bytes.
    const low = BigInt(target.read(place.bar, place.offset, 4));
    return low | (BigInt(target.read(place.bar, place.offset + 4, 4)) << 32n);
  }

  function writeBar({ memory, address, width, value }: Extract<ProxyRequest, { kind: 'write' }>): void {
    const place = config.locate(memory, address, width);
    if (place === undefined) {
      strays += 1;
      return;
    }
    if (width !== 8) return target.write(place.bar, place.offset, width, Number(value));
    target.write(place.bar, place.offset, 4, Number(value & 0xffff_ffffn));
    target.write(place.bar, place.offset + 4, 4, Number(value >> 32n));
  }

  function answer(request: ProxyRequest): bigint {
    switch (request.kind) {
      case 'config-read':
        return readConfig(request.offset, request.width);
      case 'config-write':
        writeConfig(request.offset, request.width, request.value);
        return 0n;
      case 'read':
        return readBar(request);
      case 'write':
        writeBar(request);
        return 0n;
      case 'reset':
        target.reset();
        return 0n;
    }
  }

  function onData(chunk: Buffer): void {
    try {
      for (const request of reader.push(chunk)) {
        const begun = performance.now();
        socket.write(encodeReturn(answer(request)));
        if (request.kind === 'read' || request.kind === 'write') {
          options.onAnswered?.((performance.now() - begun) * 1000);
        }
      }
    } catch (error) {
      socket.off('data', onData);
      socket.resume();
      options.onFailure(error);
    }
  }
  socket.on('data', onData);
  socket.once('close', () => connected.delete(target));
  return {
    get strays() {
      return strays;
    },
  };
}
