/**
 * Templates: declarations written once for what many devices share. `include` writes them out, before anything is checked.
 *
 * A parameter stands for a name of the device or for a number. A name that the template declares, say `tail`, becomes
 * `PREFIX_tail`, so that two includes never meet; every other name means what it means in the device. Each copy of the
 * template has offsets of its own (`sources.ts`): a diagnostic points into the template and tells which include it is about.
 * Recursion is refused and the written-out size bounded, so expansion ends, whatever the files say.
 */
import type { Device, Expression, Include, Item, Name, Template } from './ast.ts';
import { didYouMean, type Diagnostics } from './diagnostics.ts';
import { mentions } from './mentions.ts';
import type { Span } from './source.ts';

/** Nodes of the tree that all includes of a device may add together: about what a file of the largest size has. */
export const EXPANSION_NODES_MAX = 262_144;
export const EXPANSION_DEPTH_MAX = 16;

export interface Expanded {
  readonly device: Device;
  /** Prefixes of includes that could not be written out: names that begin with them are no mistakes. */
  readonly lost: readonly string[];
  /** Names of the templates that were written out. */
  readonly used: ReadonlySet<string>;
}

interface Expansion {
  readonly diagnostics: Diagnostics;
  readonly templates: ReadonlyMap<string, Template>;
  /** Those that contradict themselves: reported where they are declared, not again where they are included. */
  readonly broken: ReadonlySet<Template>;
  /** Templates may be missing that the author has written. */
  readonly incomplete: boolean;
  readonly used: Set<string>;
  readonly prefixes: Map<string, Span>;
  readonly lost: string[];
  /** The templates being written out, the outermost first. */
  readonly trail: Template[];
  nodes: number;
}

export function expandTemplates(
  device: Device,
  templates: readonly Template[],
  incomplete: boolean,
  diagnostics: Diagnostics,
): Expanded {
  const broken = new Set<Template>();
  const expansion: Expansion = {
    diagnostics,
    templates: collect(templates, broken, diagnostics),
    broken,
    incomplete,
    used: new Set(),
    prefixes: new Map(),
    lost: [],
    trail: [],
    nodes: 0,
  };
  const items = device.items.flatMap((item) => expandItem(item, expansion));
  for (const { name } of expansion.templates.values()) {
    if (
      !expansion.used.has(name.text) &&
      diagnostics.sources.isOwn(name.span) &&
      !incomplete &&
      expansion.lost.length === 0
    )
      diagnostics.add('DSS401', { kind: 'template', name: name.text }, name.span);
  }
  return { device: { ...device, items }, lost: expansion.lost, used: expansion.used };
}

function collect(
  templates: readonly Template[],
  broken: Set<Template>,
  diagnostics: Diagnostics,
): Map<string, Template> {
  const byName = new Map<string, Template>();
  const twice = (name: Name, kind: string, earlier: Name): void =>
    diagnostics.add('DSS102', { name: name.text, kind }, name.span, {
      labels: [{ span: earlier.span, text: 'declared here first' }],
    });
  for (const template of templates) {
    if (template === undefined || template.name.text === '') continue;
    const earlier = byName.get(template.name.text);
    if (earlier === undefined) byName.set(template.name.text, template);
    else twice(template.name, 'template', earlier.name);
    const parameters = new Map<string, Name>();
    for (const each of template.parameters) {
      const first = parameters.get(each.text);
      if (first === undefined) parameters.set(each.text, each);
      else {
        twice(each, 'parameter', first);
        broken.add(template);
      }
    }
    const isOwn = diagnostics.sources.isOwn(template.name.span) && !diagnostics.hasErrors;
    for (const each of isOwn ? parameters.values() : [])
      if (!mentions(template.items, each.text)) diagnostics.add('DSS406', { name: each.text }, each.span);
    for (const name of template.items.flatMap(declaredName)) {
      const parameter = parameters.get(name.text);
      if (parameter === undefined || name.text === '') continue;
      twice(name, 'parameter', parameter);
      broken.add(template);
    }
  }
  return byName;
}

/** The name that an item declares; for an include, its prefix. */
function declaredName(item: Item): Name[] {
  if (item === undefined) return [];
  if (item.kind === 'include') return [item.prefix];
  return 'name' in item ? [item.name] : [];
}

function expandItem(item: Item, expansion: Expansion): readonly Item[] {
  if (item?.kind !== 'include') return [item];
  const { diagnostics } = expansion;
  const lose = (): readonly Item[] => {
    expansion.lost.push(item.prefix.text);
    return [];
  };
  const template = expansion.templates.get(item.template.text);
  if (template === undefined) {
    reportUnknown(item.template, expansion);
    return lose();
  }
  expansion.used.add(template.name.text);
  // Both are reported already.
  if (item.prefix.text === '' || expansion.broken.has(template)) return lose();
  const earlier = expansion.prefixes.get(item.prefix.text);
  if (earlier !== undefined) {
    diagnostics.add('DSS102', { name: item.prefix.text, kind: 'prefix' }, item.prefix.span, {
      labels: [{ span: earlier, text: 'used here first' }],
    });
    return [];
  }
  expansion.prefixes.set(item.prefix.text, item.prefix.span);
  if (item.args.length !== template.parameters.length) {
    diagnostics.add(
      'DSS108',
      { name: template.name.text, wanted: template.parameters.length, found: item.args.length },
      item.span,
      { labels: [{ span: template.name.span, text: 'declared here' }] },
    );
    return lose();
  }
  if (expansion.trail.includes(template)) {
    const trail = [...expansion.trail.slice(expansion.trail.indexOf(template)), template];
    diagnostics.add('DSS151', { trail: trail.map((each) => each.name.text) }, item.template.span);
    return lose();
  }
  const items = writeOut(item, template, expansion);
  if (expansion.nodes > EXPANSION_NODES_MAX || expansion.trail.length >= EXPANSION_DEPTH_MAX) {
    diagnostics.add('DSS153', {}, item.span);
    return lose();
  }
  expansion.trail.push(template);
  const all = items.flatMap((each) => expandItem(each, expansion));
  expansion.trail.pop();
  return all;
}

/** What comes with the language, and where; a test holds it complete. */
export const standardTemplates: Readonly<Record<string, string | undefined>> = {
  AtaCommands: 'std/ata.dss',
  BufferList: 'std/list.dss',
  PciCapabilities: 'std/pci.dss',
  PciHeader: 'std/pci.dss',
  Ring: 'std/ring.dss',
  ScatterList: 'std/scatter.dss',
};

function reportUnknown(name: Name, { diagnostics, templates, incomplete }: Expansion): void {
  if (name.text === '' || incomplete) return;
  const close = didYouMean(name.text, templates.keys());
  const file = standardTemplates[name.text];
  if (close === undefined && file !== undefined) {
    diagnostics.add('DSS120', { name: name.text, file }, name.span, {
      help: `write \`import "${file}"\` before the device`,
    });
    return;
  }
  diagnostics.add('DSS101', { kind: 'template', name: name.text }, name.span, {
    help: close === undefined ? 'templates are declared before `device`, or imported' : `did you mean \`${close}\`?`,
  });
}

/** What one copy of a template needs to know. */
interface Copy {
  readonly expansion: Expansion;
  readonly shift: number;
  readonly prefix: string;
  readonly parameters: ReadonlyMap<string, Expression>;
  /** Names that the template declares. */
  readonly own: ReadonlySet<string>;
  /** Prefixes of its own includes. */
  readonly inner: readonly string[];
}

function writeOut(include: Include, template: Template, expansion: Expansion): readonly Item[] {
  const copy: Copy = {
    expansion,
    shift: expansion.diagnostics.sources.copy(template.span, include.span, include.prefix.text),
    prefix: include.prefix.text,
    parameters: new Map(template.parameters.map((name, at) => [name.text, include.args[at] as Expression])),
    own: new Set(template.items.flatMap(declaredName).map((name) => name.text)),
    inner: template.items.flatMap((item) => (item?.kind === 'include' ? [`${item.prefix.text}_`] : [])),
  };
  return copyNode(template.items, '', copy) as readonly Item[];
}

/** Names under these keys belong to another name (`v.member`, `tx -> state`) or are words of the language. */
const verbatim = new Set(['member', 'members', 'state', 'field', 'action', 'states', 'clauses']);

type Plain = Record<string, unknown>;

/** Copies any part of the tree: spans moved, names renamed, parameters replaced. */
function copyNode(node: unknown, key: string, copy: Copy): unknown {
  if (typeof node !== 'object' || node === null) return node;
  copy.expansion.nodes += 1;
  // Past the bound the copy is thrown away: no need to finish it.
  if (copy.expansion.nodes > EXPANSION_NODES_MAX) return Array.isArray(node) ? [] : node;
  if (Array.isArray(node)) return node.map((each) => copyNode(each, key, copy));
  const plain = node as Plain;
  if (isSpan(plain)) return moved(plain, copy);
  if (isName(plain) && !verbatim.has(key)) return renamed(plain, copy);
  if (isName(plain)) {
    // An action may bring a value, `clamp VALUE`, whose names do belong to the device.
    const value = 'value' in plain ? { value: copyNode(plain['value'], 'value', copy) } : {};
    return { ...plain, span: moved(plain.span, copy), ...value };
  }
  if (plain['kind'] === 'name') {
    const argument = copy.parameters.get((plain['name'] as Name).text);
    if (argument !== undefined && argument.kind !== 'name') {
      copy.expansion.nodes += sizeOf(argument, EXPANSION_NODES_MAX - copy.expansion.nodes);
      return argument;
    }
  }
  // A field is named by its register or struct, not by the device.
  const isField = key === 'fields';
  return Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [
      name,
      copyNode(value, isField && name === 'name' ? 'member' : name, copy),
    ]),
  );
}

const isSpan = (node: Plain): node is Plain & Span => typeof node['start'] === 'number' && 'end' in node;
const isName = (node: Plain): node is Plain & Name => typeof node['text'] === 'string' && node['kind'] === undefined;

/** Spans of what the parser's recovery invented stay nowhere. */
const moved = ({ start, end }: Span, { shift }: Copy): Span =>
  start === 0 && end === 0 ? { start, end } : { start: start + shift, end: end + shift };

function renamed(name: Name, copy: Copy): Name {
  const span = moved(name.span, copy);
  const { text } = name;
  const argument = copy.parameters.get(text);
  if (argument !== undefined) {
    if (argument.kind === 'name') return { span, text: argument.name.text };
    if (argument.kind !== 'error')
      copy.expansion.diagnostics.add('DSS152', { name: text }, span, {
        labels: [{ span: argument.span, text: 'it stands for this' }],
      });
    return { span: { start: 0, end: 0 }, text: '' };
  }
  const ours = text !== '' && (copy.own.has(text) || copy.inner.some((prefix) => text.startsWith(prefix)));
  return { span, text: ours ? `${copy.prefix}_${text}` : text };
}

/** The nodes of an argument, counted no further than `limit`. */
function sizeOf(node: unknown, limit: number): number {
  if (typeof node !== 'object' || node === null || limit <= 0) return 0;
  let size = 1;
  for (const each of Object.values(node)) size += sizeOf(each, limit - size);
  return size;
}
