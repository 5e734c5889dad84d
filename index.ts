/** refmon: a Nexus-style trusted-computing kernel and a compiler for device safety specifications. */
export * from './dsslang/runtime.ts';
