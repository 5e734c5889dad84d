/**
 * The module that another thread imports to get at a running ES1370 model: see `Attachment` in the kernel's interface.
 */
import type { Device } from '../../kernel/abi.ts';
import { openModelSession } from '../backing/model/attach-model.ts';
import type { ModelParts } from '../backing/model/attach-model.ts';
import { es1370Model } from './model.ts';

/** @param options the `ModelParts` of the attachment, as cloned to this thread */
export function attach(options: unknown): Device {
  return openModelSession(es1370Model, options as ModelParts).device;
}
