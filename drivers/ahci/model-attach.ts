/**
 * The module that another thread imports to get at a running AHCI model: see `Attachment` in the kernel's interface.
 */
import type { Device } from '../../kernel/abi.ts';
import { openModelSession } from '../backing/model/attach-model.ts';
import type { ModelParts } from '../backing/model/attach-model.ts';
import { ahciModel } from './model.ts';

/** @param options the `ModelParts` of the attachment, as cloned to this thread */
export function attach(options: unknown): Device {
  return openModelSession(ahciModel, options as ModelParts).device;
}
