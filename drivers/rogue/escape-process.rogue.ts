/**
 * Looks for what node leaves lying about: `process`, `require`, timers, channels to other threads, in every scope it knows.
 *
 * With `process` it could end the kernel; with a BroadcastChannel, talk to other drivers past the kernel.
 * Must be contained by the compartment: its global object has the language's own globals only.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import type { Trick } from './escape-report.ts';
import { AUTHORITIES, report } from './escape-report.ts';
import { bare } from './bare.ts';

type Compiler = (source: string) => () => unknown;
const compile = (() => 0).constructor as unknown as Compiler;
const evaluate = globalThis.eval;

function tricks(): Trick[] {
  const scopes: Trick[] = [
    { name: 'globalThis', try: () => globalThis },
    { name: 'prototype of globalThis', try: () => Object.getPrototypeOf(globalThis) as unknown },
    { name: 'global', try: () => evaluate('global') as unknown },
    { name: 'self', try: () => evaluate('self') as unknown },
    { name: 'window', try: () => evaluate('window') as unknown },
    { name: 'this of eval', try: () => evaluate('this') as unknown },
    { name: 'this of a function', try: () => compile('return this')() },
    { name: 'arguments of the caller', try: () => compile('return arguments.callee.caller')() },
    { name: 'Symbol.unscopables', try: () => evaluate('with (globalThis) { this }') as unknown },
  ];
  // Each name by itself: a scope may hide it from the global object and still resolve it.
  const names = AUTHORITIES.map((name) => ({
    name: `the name ${name}`,
    try: () => ({ [name]: evaluate(`typeof ${name} === 'undefined' ? undefined : ${name}`) as unknown }),
  }));
  return [...scopes, ...names];
}

export default (io: DeviceIo) =>
  bare(io, {
    attack() {
      io.send(report(tricks()));
    },
  });
