/**
 * The pages behind `refmon explain`: what each diagnostic means, why it is so, a bad and a good example.
 *
 * A page is one Markdown file `DSSnnn.md` beside this one: a title `# CODE: words`, prose, then `## Wrong` and `## Right`,
 * each with one specification. The tests compile both. Reads no files: whoever has them passes their text.
 */
import type { Severity } from '../diagnostics.ts';
import { catalogue, type Code } from '../messages.ts';

export interface Page {
  readonly code: Code;
  readonly severity: Severity;
  readonly title: string;
  /** Markdown. */
  readonly prose: string;
  /** A whole specification that gets just this code; undefined for what no text can show (bytes, size). */
  readonly wrong: string | undefined;
  /** The same, mended: compiles without any diagnostic. */
  readonly right: string;
}

export const isCode = (word: string): word is Code => Object.hasOwn(catalogue, word);

/** All codes, in order. */
export const codes = (): Code[] => (Object.keys(catalogue) as Code[]).sort();

const example = (heading: string): RegExp => new RegExp(`^## ${heading}\\n\\n\`\`\`dss\\n([^]*?)\`\`\`$`, 'm');

/** @throws Error if the text is not a page of that code: the pages are ours */
export function parsePage(code: Code, text: string): Page {
  const [, title] = new RegExp(`^# ${code}: (.+)\\n`).exec(text) ?? [];
  const [, right] = example('Right').exec(text) ?? [];
  const prose = text
    .slice(text.indexOf('\n'))
    .replace(/^## [^]*/m, '')
    .trim();
  if (title === undefined || right === undefined || prose === '') throw new Error(`${code}.md is not a page`);
  return { code, severity: catalogue[code].severity, title, prose, wrong: example('Wrong').exec(text)?.[1], right };
}

const phases: readonly (readonly [digit: string, title: string])[] = [
  ['0', 'What is written'],
  ['1', 'Names'],
  ['2', 'Widths and ranges'],
  ['3', 'Registers, handlers and machines'],
  ['4', 'Allowed, but looks wrong'],
  ['9', 'Inside the compiler'],
];

/** All pages as one document: `docs/errors.md`. */
export function errorsMarkdown(pages: readonly Page[]): string {
  const out = [
    '# Diagnostics of the compiler',
    '',
    '<!-- Written by `refmon explain --all`; the pages are in dsslang/explain/. Do not edit. -->',
    '',
    '`refmon explain CODE` shows one of these pages. Codes are stable: none is ever used for something else.',
    '',
  ];
  for (const [digit, title] of phases) {
    const own = pages.filter((page) => page.code.startsWith(`DSS${digit}`));
    if (own.length === 0) continue;
    out.push(`## ${digit}xx: ${title}`, '');
    for (const page of own) out.push(...section(page));
  }
  return `${out.join('\n').trimEnd()}\n`;
}

function section(page: Page): string[] {
  const block = (heading: string, text: string | undefined): string[] =>
    text === undefined ? [] : [`${heading}:`, '', '```dss', text.trimEnd(), '```', ''];
  const heading = `### ${page.code}: ${page.title}${page.severity === 'warning' ? ' (warning)' : ''}`;
  return [heading, '', page.prose, '', ...block('Wrong', page.wrong), ...block('Right', page.right)];
}
