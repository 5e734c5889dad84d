/**
 * Reaches for the outer global object through constructors: every function leads to `Function`, which compiles code.
 *
 * In plain JavaScript (and in many sandboxes) `anything.constructor.constructor('return process')()` is the way out.
 * Must be contained by the compartment: constructors compile inside it or not at all, and `io` leads nowhere else.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import type { Trick } from './escape-report.ts';
import { authorityOf, report } from './escape-report.ts';
import { bare } from './bare.ts';

type Compiler = (source: string) => () => unknown;

/** The constructor that a value's prototype chain admits to. */
function constructorOf(value: unknown): Compiler {
  return (value as { constructor: Compiler }).constructor;
}

const SOURCE = 'return this ?? globalThis';

/** Thrown by the engine itself, so the error may belong to the outer realm. */
function overflow(): unknown {
  const deeper = (): unknown => [deeper()];
  try {
    return deeper();
  } catch (error) {
    return error;
  }
}

function tricks(io: DeviceIo): Trick[] {
  const starts: [string, unknown][] = [
    ['arrow function', () => 0],
    ['async function', async () => Promise.resolve(0)],
    [
      'generator function',
      function* () {
        yield 0;
      },
    ],
    [
      'async generator function',
      async function* () {
        yield await Promise.resolve(0);
      },
    ],
    ['io.read32', Reflect.get(io, 'read32')],
    ['io.send', Reflect.get(io, 'send')],
    ['io.allocate', Reflect.get(io, 'allocate')],
    ['class', class {}],
    ['bound function', Function.prototype.bind.call(() => 0, undefined)],
    ['proxy', new Proxy(() => 0, {})],
  ];
  const compiled = starts.map(([name, value]) => ({
    name: `constructor of ${name}`,
    try: () => constructorOf(value)(SOURCE)(),
  }));
  const instances: [string, unknown][] = [
    ['io', io],
    ['array', []],
    ['regular expression', /x/],
    ['promise', Promise.resolve()],
    ['error', new Error('x')],
    ['engine error', overflow()],
    ['DMA region copy', new Uint8Array(1)],
  ];
  const twice = instances.map(([name, value]) => ({
    name: `constructor of the constructor of ${name}`,
    try: () => constructorOf(constructorOf(value))(SOURCE)(),
  }));
  return [
    ...compiled,
    ...twice,
    {
      name: 'this of a sloppy function',
      try: () => constructorOf(() => 0)('return (function () { return this })()')(),
    },
    { name: 'caller', try: (): unknown => Reflect.get(tricks, 'caller') },
    { name: 'stack frames', try: stackFrame },
    { name: 'prototype of io', try: () => Object.getPrototypeOf(io) as unknown },
  ];
}

interface StackFrame {
  getThis(): unknown;
  getFunction(): unknown;
}

/** V8's structured stack traces give the receiver and the function of every frame, trusted ones included. */
function stackFrame(): unknown {
  const errors = Error as unknown as { prepareStackTrace?: unknown };
  errors.prepareStackTrace = (_: unknown, frames: readonly StackFrame[]) =>
    frames.flatMap((frame) => [frame.getThis(), frame.getFunction()]);
  const stack: unknown = new Error('x').stack;
  delete errors.prepareStackTrace;
  return Array.isArray(stack) ? stack.find((value: unknown) => authorityOf(value).length > 0) : undefined;
}

export default (io: DeviceIo) =>
  bare(io, {
    attack() {
      io.send(report(tricks(io)));
    },
  });
