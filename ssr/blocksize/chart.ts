/**
 * Draws the cost curve: as an SVG text with logarithmic axes, and as one line of block characters for a terminal.
 *
 * Both are plain strings; whoever calls decides where they go. No layout engine: one line, some dots, two axes.
 */

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

const [WIDTH, HEIGHT, MARGIN] = [720, 420, 64];

interface Axis {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** A logarithmic axis from pixel `from` to `to`, with a tick at every power of `base` inside. */
function logAxis(values: readonly number[], from: number, to: number, base: number): Axis {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values) * 1.0001)];
  const at = (value: number): number => from + ((Math.log(value) - low) / (high - low)) * (to - from);
  const ticks: number[] = [];
  const last = Math.floor(high / Math.log(base) + 1e-9);
  for (let power = Math.ceil(low / Math.log(base) - 1e-9); power <= last; power += 1) ticks.push(base ** power);
  return { at, ticks };
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function label(x: number, y: number, anchor: string, text: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeXml(text)}</text>`;
}

/** `1024` as `1K`, `0.5` as `0.5`. */
function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1000) return `${Number((value / 1024).toPrecision(3))}K`;
  return String(Number(value.toPrecision(3)));
}

/** A complete SVG document. */
export function drawSvg(chart: Chart): string {
  const all = [...chart.line, ...chart.dots, chart.mark];
  const xs = logAxis(all.map(({ x }) => x), MARGIN, WIDTH - MARGIN / 2, 2); // prettier-ignore
  const ys = logAxis(all.map(({ y }) => y), HEIGHT - MARGIN, MARGIN, 10); // prettier-ignore
  const place = ({ x, y }: Point): string => `${xs.at(x).toFixed(1)},${ys.at(y).toFixed(1)}`;
  const circle = (point: Point, radius: number, style: string): string =>
    `<circle cx="${xs.at(point.x).toFixed(1)}" cy="${ys.at(point.y).toFixed(1)}" r="${radius}" ${style}/>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    label(WIDTH / 2, 24, 'middle', chart.title),
    label(WIDTH / 2, HEIGHT - 16, 'middle', chart.xLabel),
    label(8, 44, 'start', chart.yLabel),
    ...xs.ticks.map((x) => `<path d="M${xs.at(x).toFixed(1)} ${MARGIN}V${HEIGHT - MARGIN}" stroke="#ddd"/>`),
    ...xs.ticks.map((x) => label(xs.at(x), HEIGHT - MARGIN + 18, 'middle', short(x))),
    ...ys.ticks.map((y) => `<path d="M${MARGIN} ${ys.at(y).toFixed(1)}H${WIDTH - MARGIN / 2}" stroke="#ddd"/>`),
    ...ys.ticks.map((y) => label(MARGIN - 6, ys.at(y) + 4, 'end', String(Number(y.toPrecision(3))))),
    `<polyline points="${chart.line.map(place).join(' ')}" fill="none" stroke="#1f5fa8" stroke-width="2"/>`,
    ...chart.dots.map((dot) => circle(dot, 4, 'fill="#c2410c"')),
    circle(chart.mark, 7, 'fill="none" stroke="#166534" stroke-width="2"'),
    label(xs.at(chart.mark.x), ys.at(chart.mark.y) + 24, 'middle', chart.mark.label),
    '</svg>',
    '',
  ].join('\n');
}

const BLOCKS = '▁▂▃▄▅▆▇█';

/** One block character per value, logarithmic from the smallest to the largest. */
export function sparkline(values: readonly number[]): string {
  const logs = values.map(Math.log);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const scale = high > low ? (BLOCKS.length - 1) / (high - low) : 0;
  return logs.map((value) => BLOCKS[Math.round((value - low) * scale)]).join('');
}
