/**
 * Graphviz without a system tool: the WASM build in `@viz-js/viz`, loaded only when somebody wants a picture.
 */

/** The package that draws is not installed. */
export class DrawingError extends Error {
  readonly code = 'ENV_VIZ_MISSING';
  constructor(cause: unknown) {
    super('cannot draw: the package `@viz-js/viz` is not installed; try `npm install @viz-js/viz`, or `--format dot`', {
      cause,
    });
    this.name = 'DrawingError';
  }
}

interface Viz {
  renderString(dot: string, options: { readonly format: 'svg'; readonly engine: 'dot' }): string;
}

/** @param dot a graph in the DOT language @throws DrawingError `ENV_VIZ_MISSING` */
export async function drawSvg(dot: string): Promise<string> {
  const viz = await load();
  return viz.renderString(dot, { format: 'svg', engine: 'dot' });
}

async function load(): Promise<Viz> {
  let library: { instance(): Promise<Viz> };
  try {
    library = await import('@viz-js/viz');
  } catch (error) {
    throw new DrawingError(error);
  }
  return await library.instance();
}
