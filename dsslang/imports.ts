/**
 * `import "std/pci.dss"` and `import "./local.dss"`: what files share are templates (`templates.ts`), nothing else.
 *
 * The compiler opens no file: its caller passes a `Load`. Here paths are resolved and everything is bounded: the form of a
 * path, circles, depth, number and total size. A file that is imported twice is read once.
 */
import type { Import, SourceFile, Template } from './ast.ts';
import type { Diagnostics } from './diagnostics.ts';
import { parse } from './parse.ts';
import { Source, SOURCE_BYTES_MAX } from './source.ts';

/** A file to import. */
export interface ImportedFile {
  /** `standard` files come with the language (`std/pci.dss`), all others lie beside the one that imports them. */
  readonly from: 'standard' | 'beside';
  /** With `/` between its parts and no `.` or `..` but at its beginning. */
  readonly path: string;
}

/** Reads a file; undefined if there is none, or if the caller does not want it to be read. */
export type Load = (file: ImportedFile) => Uint8Array | string | undefined;

/** Files in one specification, itself included. */
export const FILES_MAX = 64;
/** Imports of imports. */
export const IMPORT_DEPTH_MAX = 16;

export interface Imported {
  /** Those of the specification itself first. */
  readonly templates: readonly Template[];
  /** Something could not be read: templates may be missing that the author has written. */
  readonly incomplete: boolean;
  /** What each import of the specification itself brought. */
  readonly brought: readonly { readonly item: Import; readonly templates: readonly Template[] }[];
}

/** What is known while imports are followed. */
interface Reading {
  readonly diagnostics: Diagnostics;
  readonly load: Load | undefined;
  readonly templates: Template[];
  readonly read: Set<string>;
  /** From the specification to the file being read. */
  readonly trail: string[];
  characters: number;
  incomplete: boolean;
}

export function readImports(file: SourceFile, load: Load | undefined, diagnostics: Diagnostics): Imported {
  const own: ImportedFile = { from: 'beside', path: slashes(diagnostics.source.file) };
  const reading: Reading = {
    diagnostics,
    load,
    templates: [...file.templates],
    read: new Set([keyOf(own)]),
    trail: [keyOf(own)],
    characters: diagnostics.source.text.length,
    incomplete: file.unread !== undefined,
  };
  const brought = file.imports.map((item) => {
    const before = reading.templates.length;
    reportTwice(item, file.imports, diagnostics);
    follow(item, own, reading);
    return { item, templates: reading.templates.slice(before) };
  });
  return { templates: reading.templates, incomplete: reading.incomplete, brought };
}

function reportTwice(item: Import, all: readonly Import[], diagnostics: Diagnostics): void {
  const first = all.find((each) => each?.path === item?.path);
  if (item === undefined || first === undefined || first === item) return;
  diagnostics.add('DSS408', { path: item.path }, item.span, {
    labels: [{ span: first.span, text: 'imported here first' }],
  });
}

/** Imports that brought templates, none of which is written out. */
export function reportUnused(brought: Imported['brought'], used: ReadonlySet<string>, diagnostics: Diagnostics): void {
  for (const { item, templates } of brought) {
    if (templates.length > 0 && !templates.some(({ name }) => used.has(name.text)))
      diagnostics.add('DSS407', { path: item.path }, item.span);
  }
}

const slashes = (path: string): string => path.replaceAll('\\', '/');
const keyOf = (file: ImportedFile): string => (file.from === 'standard' ? `standard:${file.path}` : file.path);

/** `a/b.dss` + `../c.dss` = `c.dss`; undefined if it is no path to import. */
export function resolveImport(path: string, importer: ImportedFile): ImportedFile | undefined {
  if (!/^(std|\.|\.\.)(\/\.\.)*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$/.test(path)) return undefined;
  if (path.startsWith('std/')) {
    return path.includes('..') ? undefined : { from: 'standard', path };
  }
  const folder = importer.path.split('/').slice(0, -1);
  for (const part of path.split('/')) {
    if (part === '.') continue;
    if (part !== '..') folder.push(part);
    else if (folder.length === 0 || folder.at(-1) === '..') folder.push('..');
    else folder.pop();
  }
  const resolved = folder.join('/');
  // What comes with the language imports only what comes with it.
  if (importer.from === 'standard' && !resolved.startsWith('std/')) return undefined;
  return { from: importer.from, path: resolved };
}

function follow(item: Import, importer: ImportedFile, reading: Reading): void {
  if (item === undefined) return;
  const { diagnostics } = reading;
  const refuse = (): void => {
    reading.incomplete = true;
  };
  const file = resolveImport(item.path, importer);
  if (file === undefined) {
    diagnostics.add('DSS050', { path: item.path }, placeOf(item));
    return refuse();
  }
  const key = keyOf(file);
  if (reading.trail.includes(key)) {
    diagnostics.add('DSS052', { trail: [...reading.trail.slice(reading.trail.indexOf(key)), key] }, placeOf(item));
    return refuse();
  }
  if (reading.read.has(key)) return;
  reading.read.add(key);
  if (reading.read.size > FILES_MAX || reading.trail.length > IMPORT_DEPTH_MAX) {
    const [what, max] = reading.read.size > FILES_MAX ? ['files', FILES_MAX] : ['imports of imports', IMPORT_DEPTH_MAX];
    diagnostics.add('DSS053', { what: String(what), max: Number(max) }, placeOf(item));
    return refuse();
  }
  const text = textOf(file, item, reading);
  if (text === undefined) return refuse();
  reading.characters += text.length;
  if (reading.characters > SOURCE_BYTES_MAX) {
    diagnostics.add('DSS053', { what: 'characters', max: SOURCE_BYTES_MAX }, placeOf(item));
    return refuse();
  }
  const source = new Source(file.path, text);
  const tree = parse(source, diagnostics, diagnostics.sources.add(source));
  if (tree.unread !== undefined) refuse();
  for (const device of tree.devices)
    if (device.name.text !== '') diagnostics.add('DSS054', { file: file.path }, device.name.span);
  reading.templates.push(...tree.templates);
  reading.trail.push(key);
  for (const each of tree.imports) follow(each, file, reading);
  reading.trail.pop();
}

/** The path, or its quotes if there is nothing between them. */
function placeOf(item: Import): { start: number; end: number } {
  const { start, end } = item.span;
  return item.path === '' ? { start: start - 1, end: start + 1 } : { start, end };
}

function textOf(file: ImportedFile, item: Import, { diagnostics, load }: Reading): string | undefined {
  const read = load?.(file);
  if (read === undefined) {
    const why = load === undefined ? 'files cannot be read here' : 'there is no such file that may be read';
    diagnostics.add('DSS051', { path: file.path, why }, placeOf(item));
    return undefined;
  }
  if (typeof read === 'string') return read;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(read);
  } catch {
    diagnostics.add('DSS051', { path: file.path, why: 'it is not UTF-8 text' }, placeOf(item));
    return undefined;
  }
}
