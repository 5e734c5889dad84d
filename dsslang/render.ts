/**
 * Diagnostics as people read them: severity, code, place, code frame with underlines, labels, help.
 * Pure text; colour is a function the caller passes in, so that nothing here knows of terminals.
 */
import type { Diagnostic } from './diagnostics.ts';
import type { Source, Span } from './source.ts';

/** How to dress each kind of text; the identity by default. */
export interface Style {
  readonly error: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

const plain = (text: string): string => text;
export const plainStyle: Style = { error: plain, warning: plain, strong: plain, faint: plain };

/** A line longer than this is shown only around the underline. */
const LINE_COLUMNS_MAX = 160;

interface Mark {
  readonly source: Source;
  readonly line: number;
  readonly column: number;
  readonly length: number;
  readonly text: string;
  readonly main: boolean;
}

function markOf(source: Source, place: Span, text: string, main: boolean): Mark {
  const { line, column } = source.position(place.start);
  const rest = source.line(line).length - column + 1;
  return { source, line, column, length: Math.max(1, Math.min(place.end - place.start, rest)), text, main };
}

/** Tabs become one space, so that underlines stay below what they mean; other control characters become visible. */
function printable(text: string): string {
  // Hostile files must not control the reader's terminal.
  return text.replace(/\t/g, ' ').replace(/[\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '\uFFFD');
}

/** What is shown of a mark's line, and from which of its columns. */
function frameLine(source: Source, mark: Mark): { text: string; column: number; from: number } {
  const text = printable(source.line(mark.line));
  if (text.length <= LINE_COLUMNS_MAX) return { text, column: mark.column, from: 0 };
  const from = Math.max(0, mark.column - 1 - LINE_COLUMNS_MAX / 4);
  const lead = from > 0 ? '...' : '';
  return {
    from,
    text: `${lead}${text.slice(from, from + LINE_COLUMNS_MAX)}...`,
    column: mark.column - from + lead.length,
  };
}

/** @returns several lines, no line end after the last */
export function renderDiagnostic(diagnostic: Diagnostic, style: Style = plainStyle): string {
  const { source } = diagnostic;
  const paint = diagnostic.severity === 'error' ? style.error : style.warning;
  const main = markOf(source, diagnostic.span, diagnostic.note ?? '', true);
  const marks = [main, ...diagnostic.labels.map((label) => markOf(label.source, label.span, label.text, false))].sort(
    (a, b) => a.line - b.line || a.column - b.column,
  );
  const gutter = String(Math.max(...marks.map((mark) => mark.line))).length;
  const bar = `${' '.repeat(gutter + 1)}${style.faint('|')}`;

  const out = [
    `${paint(`${diagnostic.severity}[${diagnostic.code}]`)}${style.strong(`: ${printable(diagnostic.message)}`)}`,
    `${' '.repeat(gutter)}${style.faint('-->')} ${printable(source.file)}:${main.line}:${main.column}`,
    bar,
  ];
  // The file of the mistake first, then the others that labels lead to.
  for (const file of new Set([source, ...marks.map((mark) => mark.source)])) {
    const here = marks.filter((mark) => mark.source === file);
    const [first] = here;
    if (file !== source && first !== undefined)
      out.push(`${' '.repeat(gutter)}${style.faint(':::')} ${printable(file.file)}:${first.line}:${first.column}`, bar);
    let shown = '';
    for (const mark of here) {
      const { text, column: at, from } = frameLine(file, mark);
      const window = `${mark.line}:${from}`;
      if (window !== shown) out.push(`${style.faint(`${String(mark.line).padStart(gutter)} |`)} ${text}`);
      shown = window;
      const underline = (mark.main ? '^' : '-').repeat(Math.max(1, Math.min(mark.length, text.length - at + 1)));
      const caption = mark.text === '' ? underline : `${underline} ${mark.text}`;
      out.push(`${bar} ${' '.repeat(at - 1)}${mark.main ? paint(caption) : style.faint(caption)}`);
    }
  }
  if (diagnostic.help !== undefined) out.push(`${' '.repeat(gutter + 1)}${style.faint('=')} help: ${diagnostic.help}`);
  return out.join('\n');
}

/** All of them, a blank line between, and a closing count. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], dropped = 0, style: Style = plainStyle): string {
  if (diagnostics.length === 0) return '';
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
  const warnings = diagnostics.length - errors;
  const counted = [
    errors > 0 ? `${errors} error${errors === 1 ? '' : 's'}` : '',
    warnings > 0 ? `${warnings} warning${warnings === 1 ? '' : 's'}` : '',
    dropped > 0 ? `${dropped} more not shown` : '',
  ].filter((part) => part !== '');
  return [...diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, style)), counted.join(', ')].join('\n\n');
}
