/**
 * What `refmon init` writes: a specification, a driver, a device and a test that passes, all under one's own name.
 *
 * The files in `template/` are real ones that the tests run; only the name in them changes. Touches no disk itself.
 */
import { keywords } from '../tokens.ts';

/** The name that the template's files use, in their text and in their own names. */
export const TEMPLATE_NAME = 'example_device';

/** The name would not be one in a specification. */
export class NameError extends Error {
  readonly code = 'INIT_NAME';
  constructor(name: string) {
    super(`\`${name}\` cannot name a device: use letters, digits and \`_\`, no digit first, no word of the language`);
    this.name = 'NameError';
  }
}

export interface ScaffoldFile {
  readonly path: string;
  readonly text: string;
}

/** A device's name made from a folder's. */
export function nameFrom(folder: string): string {
  const name = folder.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^(?=[0-9])/, '_');
  return name === '' ? TEMPLATE_NAME : name;
}

/** @param template the files of the template @throws NameError */
export function scaffold(template: readonly ScaffoldFile[], name: string): ScaffoldFile[] {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name) || (keywords as readonly string[]).includes(name)) {
    throw new NameError(name);
  }
  const renamed = (text: string): string => text.replaceAll(TEMPLATE_NAME, name);
  return template.map(({ path, text }) => ({ path: renamed(path), text: renamed(text) }));
}
