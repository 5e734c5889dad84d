/**
 * The qtest protocol's lines, as QEMU sends them: pure text in, typed lines out. No file descriptor is known here.
 *
 * One answer per command, `OK`, `OK 0x0123…` or `FAIL text`; between them, at any time, `IRQ raise N` and `IRQ lower N`,
 * which precede the answer of the command that caused them (QEMU's docs, "QTest Device Emulation Testing Framework").
 * QEMU is trusted to model the device but not to be well: a line of any other form comes out as `garbage`, and a line
 * without end is cut at `LINE_MAX_CHARS`, so no stream of bytes can make this grow or throw.
 */

export type QtestLine =
  | { readonly kind: 'ok'; readonly value: number | undefined }
  | { readonly kind: 'fail'; readonly text: string }
  | { readonly kind: 'irq'; readonly line: number; readonly level: 0 | 1 }
  | { readonly kind: 'garbage'; readonly text: string };

/** The longest answer to any command that this backing sends is 60 characters. */
export const LINE_MAX_CHARS = 256;

const OK_VALUE = /^OK 0x([0-9a-f]{1,16})$/i;
const IRQ = /^IRQ (raise|lower) ([0-9]{1,4})$/;

/** One line without its newline. A value that a number cannot hold exactly is garbage: no access of 4 bytes gives one. */
export function parseQtestLine(text: string): QtestLine {
  if (text === 'OK') return { kind: 'ok', value: undefined };
  const ok = OK_VALUE.exec(text);
  if (ok !== null) {
    const value = Number.parseInt(ok[1] ?? '', 16);
    return Number.isSafeInteger(value) ? { kind: 'ok', value } : { kind: 'garbage', text };
  }
  const irq = IRQ.exec(text);
  if (irq !== null) return { kind: 'irq', line: Number(irq[2]), level: irq[1] === 'raise' ? 1 : 0 };
  if (text.startsWith('FAIL ')) return { kind: 'fail', text: text.slice('FAIL '.length) };
  return { kind: 'garbage', text };
}

/** Cuts a stream of bytes into lines, wherever the chunks end. Holds at most one unfinished line of `LINE_MAX_CHARS`. */
export interface LineCutter {
  push(bytes: Uint8Array): void;
  /** The next complete line, or undefined until more bytes come. */
  next(): QtestLine | undefined;
}

export function createLineCutter(): LineCutter {
  let text = '';
  let at = 0;
  /** Dropping the rest of a line that was too long and has already been given out as garbage. */
  let skipping = false;

  function next(): QtestLine | undefined {
    const end = text.indexOf('\n', at);
    if (end === -1) return unfinished();
    const line = text.slice(at, end);
    at = end + 1;
    if (skipping) {
      skipping = false;
      return next();
    }
    return line.length > LINE_MAX_CHARS
      ? { kind: 'garbage', text: line.slice(0, LINE_MAX_CHARS) }
      : parseQtestLine(line);
  }

  function unfinished(): QtestLine | undefined {
    const rest = text.slice(at);
    at = 0;
    if (skipping || rest.length <= LINE_MAX_CHARS) {
      text = skipping ? '' : rest;
      return undefined;
    }
    text = '';
    skipping = true;
    return { kind: 'garbage', text: rest.slice(0, LINE_MAX_CHARS) };
  }

  return {
    push: (bytes) => {
      text = text.slice(at) + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
      at = 0;
    },
    next,
  };
}

/** A line as an error message may show it: printable and short. */
export function quoteLine(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(shown);
}
