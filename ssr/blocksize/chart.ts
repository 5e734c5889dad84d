/**
 * Draws the cost curve: as an SVG document with logarithmic axes, and as one line of block characters for a terminal.
 *
 * Both are plain strings; whoever calls decides where they go. Axes, ticks and marks are Observable Plot's, on linkedom's
 * document; both packages are loaded only when somebody wants the picture.
 */
import sparkly from 'sparkly';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly line: readonly Point[];
  readonly dots: readonly Point[];
  /** Marked with a ring and its label. */
  readonly mark: Point & { readonly label: string };
}

/** What this file uses of Plot, whose own types want those of a browser. */
interface Plot {
  plot(options: object): { readonly outerHTML: string; setAttribute(name: string, value: string): void };
  line(data: readonly Point[], options: object): object;
  dot(data: readonly Point[], options: object): object;
  text(data: readonly object[], options: object): object;
}

interface Linkedom {
  readonly parseHTML: (text: string) => { readonly document: object };
}

const place = { x: 'x', y: 'y' } as const;

/** `1024` as `1K`, `0.5` as `0.5`. */
function sizeLabel(bytes: number): string {
  return bytes >= 1024 ? `${Number((bytes / 1024).toPrecision(3))}K` : String(Number(bytes.toPrecision(3)));
}

/** A complete SVG document: the line, the dots, and a ring around the mark. */
export async function drawSvg(chart: Chart): Promise<string> {
  const [{ parseHTML }, plot] = await Promise.all([
    import('linkedom') as Promise<unknown> as Promise<Linkedom>,
    import('@observablehq/plot') as Promise<unknown> as Promise<Plot>,
  ]);
  const { mark } = chart;
  const svg = plot.plot({
    document: parseHTML('<!doctype html><html></html>').document,
    width: 720,
    height: 420,
    marginTop: 64,
    marginLeft: 64,
    grid: true,
    style: { background: 'white', color: 'black', font: '12px sans-serif' },
    x: { type: 'log', base: 2, label: chart.xLabel, tickFormat: sizeLabel },
    y: { type: 'log', label: chart.yLabel, ticks: 6, tickFormat: '~s' },
    marks: [
      plot.text([{ text: chart.title }], { text: 'text', frameAnchor: 'top', dy: -28, fontSize: 14 }),
      plot.line(chart.line, { ...place, stroke: '#1f5fa8', strokeWidth: 2 }),
      plot.dot(chart.dots, { ...place, r: 4, fill: '#c2410c' }),
      plot.dot([mark], { ...place, r: 7, stroke: '#166534', strokeWidth: 2 }),
      plot.text([mark], { ...place, text: 'label', dy: -18 }),
    ],
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${svg.outerHTML}\n`;
}

/** One block character per value, logarithmic from the smallest to the largest. */
export function sparkline(values: readonly number[]): string {
  return sparkly(values.map(Math.log));
}
