/**
 * Running kernels: the module of `sha256x4.ts`, compiled once for each kind of memory and instantiated in as many as are wanted.
 *
 * A memory of its own has one kernel. A shared one may have several, one a thread, each with a scratch area of its own; a
 * compiled module and a shared memory can be sent to another thread, which is all that it needs.
 */
import type { Sha256x4 } from './sha256x4.ts';
import { KERNEL_SIZE_BYTES, sha256x4Module, writeConstants } from './sha256x4.ts';

/** The part of the WebAssembly JavaScript interface that is used here; Node 20's types do not declare it. */
interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  Memory: new (pages: { readonly initial: number; readonly maximum: number; readonly shared: boolean }) => WasmMemory;
  Module: new (bytes: Uint8Array) => WasmModule;
  Instance: new (module: WasmModule, imports: object) => { readonly exports: Sha256x4 };
}

export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}

/** Opaque. */
export type WasmModule = object;

/** A kernel and the memory that its addresses are in. */
export interface Kernel extends Sha256x4 {
  readonly memory: WasmMemory;
  /**
   * As long as a shared memory, and never touched, so that it takes address space and nothing else. V8 counts such arrays and not
   * shared memories, and would see no reason to collect a program's garbage trees.
   */
  readonly counterweight: ArrayBuffer | undefined;
}

export type MemoryKind = 'own' | 'shared';

const PAGE_SIZE_BYTES = 65_536;

const webAssembly = (): WebAssemblyApi | undefined => (globalThis as { WebAssembly?: WebAssemblyApi }).WebAssembly;

/** The engine keeps its optimised code for as long as the module lives. */
const compiled = new Map<MemoryKind, WasmModule | undefined>();

/** The kernel's module; undefined where WebAssembly, its vector instructions or (for `shared`) threads are missing. */
export function compiledModule(kind: MemoryKind): WasmModule | undefined {
  if (compiled.has(kind)) return compiled.get(kind);
  const api = webAssembly();
  const bytes = sha256x4Module(kind);
  const module = api?.validate(bytes) === true ? new api.Module(bytes) : undefined;
  compiled.set(kind, module);
  return module;
}

/** One more kernel in a memory that has one. */
export function instantiate(module: WasmModule, memory: WasmMemory, scratch: number): Sha256x4 | undefined {
  const api = webAssembly();
  return api && new api.Instance(module, { host: { memory, scratch } }).exports;
}

/**
 * A fresh kernel in a fresh memory of at least so many bytes; or undefined where there is no such kernel, or so much memory
 * is not to be had.
 */
export function createKernel(sizeBytes = KERNEL_SIZE_BYTES, kind: MemoryKind = 'own'): Kernel | undefined {
  const [api, module] = [webAssembly(), compiledModule(kind)];
  if (api === undefined || module === undefined) return undefined;
  const pages = Math.ceil(sizeBytes / PAGE_SIZE_BYTES);
  let memory: WasmMemory;
  let counterweight: ArrayBuffer | undefined;
  try {
    memory = new api.Memory({ initial: pages, maximum: pages, shared: kind === 'shared' });
    counterweight = kind === 'shared' ? new ArrayBuffer(pages * PAGE_SIZE_BYTES) : undefined;
  } catch {
    return undefined;
  }
  writeConstants(memory.buffer);
  const exports = instantiate(module, memory, 0);
  return exports && { ...exports, memory, counterweight };
}
