/**
 * Where a worker thread finds the module that attaches a model: beside the model's own, or, once both have been bundled into
 * `dist/cli/`, in the folder of its device.
 */
import { existsSync } from 'node:fs';

/** @param model `import.meta.url` of the model @param device the folder in `drivers/` @returns the URL of the compiled module */
export function attachModule(model: string, device: string): string {
  const beside = new URL('./model-attach.js', model);
  return existsSync(beside) ? beside.href : new URL(`../drivers/${device}/model-attach.js`, model).href;
}
