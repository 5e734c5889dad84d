/**
 * The TextMate grammar, for highlighting in editors: made from the lexer's own tables, so that no word is forgotten.
 * `dss.tmLanguage.json` beside this file is its committed form; a test keeps it current.
 */
import { keywords, operatorTexts, type Keyword } from './tokens.ts';

/** How editors name what a word is; whatever is not listed is an ordinary keyword. */
const scopes: Readonly<Record<string, readonly Keyword[]>> = {
  'keyword.control.dss': ['require', 'deny', 'if', 'then', 'else', 'for', 'in', 'on', 'wait', 'until', 'delay', 'when'],
  'keyword.operator.word.dss': ['and', 'or', 'not', 'implies'],
  'constant.language.dss': ['true', 'false'],
  'storage.modifier.dss': ['ro', 'wo', 'rw', 'w1c', 'rc', 'platform', 'reserved'],
  'storage.type.dss': [
    'device', 'region', 'const', 'register', 'area', 'window', 'struct', 'machine', 'var', 'ring', 'let', 'interrupt',
    'reset', 'invariant', 'match', 'check',
  ],
}; // prettier-ignore

const OTHER = 'keyword.other.dss';

/** The scope of every keyword. */
export function scopeOf(word: Keyword): string {
  return Object.entries(scopes).find(([, words]) => words.includes(word))?.[0] ?? OTHER;
}

const anyOf = (words: readonly string[]): string => `\\b(?:${words.join('|')})\\b`;
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

/** @returns the grammar as a JSON document */
export function textmateGrammar(): string {
  const names = [...Object.keys(scopes), OTHER];
  const grammar = {
    $schema: 'https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json',
    name: 'Device safety specification',
    scopeName: 'source.dss',
    fileTypes: ['dss'],
    patterns: [
      'comments',
      'texts',
      'numbers',
      'types',
      'declarations',
      'states',
      'members',
      'keywords',
      'operators',
    ].map((name) => ({ include: `#${name}` })),
    repository: {
      comments: {
        patterns: [
          { name: 'comment.line.documentation.dss', match: '///.*$' },
          { name: 'comment.line.double-slash.dss', match: '//.*$' },
          { name: 'comment.block.dss', begin: '/\\*', end: '\\*/' },
        ],
      },
      texts: {
        patterns: [
          { name: 'string.quoted.double.dss', match: '"[^"]*"' },
          { name: 'invalid.illegal.unclosed.dss', match: '"[^"]*$' },
        ],
      },
      numbers: {
        patterns: [
          { name: 'constant.numeric.pci.dss', match: '\\b[0-9a-fA-F]{4}:[0-9a-fA-F]{4}\\b' },
          {
            name: 'constant.numeric.dss',
            match: '\\b(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9][0-9_]*)(?:K|M|G|us|ms|s)?\\b',
          },
        ],
      },
      types: { name: 'support.type.dss', match: '\\bu[0-9]+\\b' },
      declarations: {
        match: `\\b(${(scopes['storage.type.dss'] ?? []).join('|')})\\s+([A-Za-z_][A-Za-z0-9_]*)(?=\\s*[:=\\[{]|\\s+(?:at|size)\\b)`,
        captures: { '1': { name: 'storage.type.dss' }, '2': { name: 'entity.name.type.dss' } },
      },
      states: {
        match: '(->)\\s*([A-Za-z_][A-Za-z0-9_]*)',
        captures: { '1': { name: 'keyword.operator.dss' }, '2': { name: 'entity.name.tag.state.dss' } },
      },
      // After a dot every word is a name.
      members: {
        match: '(\\.)(?!\\.)\\s*([A-Za-z_][A-Za-z0-9_]*)',
        captures: { '1': { name: 'punctuation.accessor.dss' }, '2': { name: 'variable.other.member.dss' } },
      },
      keywords: {
        patterns: names.map((name) => ({ name, match: anyOf(keywords.filter((word) => scopeOf(word) === name)) })),
      },
      operators: {
        name: 'keyword.operator.dss',
        // Longest first: `+|` is one operator.
        match: [...operatorTexts]
          .sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
          .map(escaped)
          .join('|'),
      },
    },
  };
  // As Prettier writes it: a list of one text stays on its line.
  return `${JSON.stringify(grammar, null, 2).replace(/\[\s+("[^"]*")\s+\]/g, '[$1]')}\n`;
}
