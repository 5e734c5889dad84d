/**
 * Recorded drivers against e1000.dss: real ones are refused nothing, and a trace that was tampered with is refused at exactly
 * the line that was. The trace of Linux's driver is large and lies beside the checkout where it is at all: a folder named by
 * REFMON_TRACES. Our own driver's trace is part of the package.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { modelBacking } from '../drivers/backing/model/model-backing.ts';
import { inPackage } from '../drivers/devices.ts';
import { e1000Model } from '../drivers/e1000/model.ts';
import * as r from '../drivers/e1000/registers.ts';
import { recordE1000 } from '../drivers/e1000/testing/record-trace.ts';
import { loadSpecification } from '../drivers/specification.ts';
import { TraceError } from '../drivers/trace/format.ts';
import { replay, type AssumedGrant, type ReplayResult } from '../drivers/trace/replay.ts';

const { module } = await loadSpecification(inPackage('drivers/e1000/e1000.dss'));
const OWN = inPackage('drivers/e1000/traces/own-driver-qemu.jsonl.gz');
/** As in `drivers/e1000/traces/README.md`. */
const OWN_MEMORY: readonly AssumedGrant[] = [{ address: 0x100_0000, length: 0x2c0_0000 }];

/** The duplicate of CTRL (13.4.1), which our driver does not use. */
const CTRL_DUP = 0x0004;

const folder = mkdtempSync(join(tmpdir(), 'refmon-traces-'));
after(() => rmSync(folder, { recursive: true }));

function traceFile(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** Not skipped but absent where the trace is: it is no part of the package, so nothing is missing there. */
const traces = process.env['REFMON_TRACES'];
if (traces !== undefined) {
  describe("Linux's snd-intel8x0 driver, recorded", () => {
    for (const name of ['snd-intel8x0.jsonl.gz', 'proxy-snd-intel8x0.jsonl.gz']) {
      it(`is refused nothing in ${name}`, async () => {
        const ac97 = await loadSpecification(inPackage('drivers/ac97/ac97.dss'));
        const result = await replay(ac97.module.createMonitor, join(traces, name));
        assert.deepEqual(result.denials, []);
        assert.ok(result.operations > 1000, 'the trace is the whole one');
      });
    }
  });
  describe("SeaBIOS and Linux's ata_piix driver, recorded", () => {
    it('are refused nothing', async () => {
      const ide = await loadSpecification(inPackage('drivers/ide/ide.dss'));
      const result = await replay(ide.module.createMonitor, join(traces, 'ata_piix.jsonl.gz'));
      assert.deepEqual(result.denials, []);
      assert.ok(result.operations > 1800, 'the trace is the whole one');
      assert.ok(result.unjudged <= 2, 'two tables are longer than what the recorder kept of them');
    });
  });
  describe("SeaBIOS and Linux's uhci-hcd and usbhid, recorded", () => {
    it('are refused nothing, neither registers nor what the controller read of their schedules', async () => {
      const uhci = await loadSpecification(inPackage('drivers/uhci/uhci.dss'));
      const result = await replay(uhci.module.createMonitor, join(traces, 'uhci-mouse.jsonl.gz'));
      assert.deepEqual(result.denials, []);
      assert.ok(result.operations > 590 && result.descriptors > 260, 'the trace is the whole one');
    });
  });
  const linux = join(traces, 'e1000.jsonl.gz');
  describe("Linux's e1000 driver, recorded", () => {
    it('is refused nothing', async () => {
      const result = await replay(module.createMonitor, linux);
      assert.deepEqual(result.denials, []);
      assert.equal(result.denied, 0);
      assert.ok(result.operations > 10_000 && result.descriptors > 1000, 'the trace is the whole one');
    });
  });
}

describe('our own driver, recorded', () => {
  it('is refused nothing, with no more memory granted than it had', async () => {
    const result = await replay(module.createMonitor, OWN, OWN_MEMORY);
    assert.deepEqual(result.denials, []);
    assert.ok(result.operations > 500 && result.descriptors > 500);
  });

  it('is refused nothing in a recording made just now, on the model', async () => {
    const { lines, dma } = await recordE1000(modelBacking(e1000Model));
    const file = traceFile('fresh.jsonl', lines.join('\n'));
    const result = await replay(module.createMonitor, file, [{ address: dma.base, length: dma.sizeBytes }]);
    assert.deepEqual(result.denials, []);
    assert.ok(result.operations > 500 && result.descriptors > 500);
  });
});

type Fields = Record<string, unknown>;

describe('our own trace, tampered with in one line, is refused in that line and in no other:', () => {
  const lines = gunzipSync(readFileSync(OWN)).toString('utf8').trimEnd().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as Fields);
  const lastIndex = (matches: (fields: Fields) => boolean): number => {
    const index = parsed.findLastIndex(matches);
    assert.ok(index >= 0);
    return index;
  };
  const isWrite =
    (offset: number) =>
    ({ k, bar, o }: Fields): boolean =>
      k === 'w' && bar === r.BAR_REGISTERS && o === offset;

  /** The trace with other fields in the line at `index`. */
  function tampered(index: number, fields: Fields): string {
    const copy = [...lines];
    copy[index] = JSON.stringify({ ...parsed[index], ...fields });
    return copy.join('\n');
  }
  /** The trace with one more line at its end, and that line's index. */
  const extended = (fields: Fields): readonly [string, number] => [
    [...lines, JSON.stringify({ t: 9e6, bar: r.BAR_REGISTERS, s: 4, ...fields })].join('\n'),
    lines.length,
  ];
  const replayed = (name: string, text: string): Promise<ReplayResult> =>
    replay(module.createMonitor, traceFile(`${name}.jsonl`, text), OWN_MEMORY);

  function refuses(title: string, tamper: () => readonly [text: string, index: number], reason: RegExp): void {
    it(title, async () => {
      const [text, index] = tamper();
      const { denials, denied } = await replayed(title.replaceAll(/[^a-z]+/g, '-'), text);
      assert.deepEqual(
        denials.map(({ line }) => line),
        [index + 1],
      );
      assert.equal(denied, 1);
      assert.match(denials[0]?.reason ?? '', reason);
      assert.match(denials[0]?.rule ?? '', /e1000\.dss:[0-9]+:[0-9]+$/);
    });
  }

  refuses(
    'a tail beyond the ring',
    () => {
      const index = lastIndex(isWrite(r.TDT));
      const count = Number(parsed[lastIndex(isWrite(r.TDLEN))]?.['v']) / r.DESCRIPTOR_SIZE_BYTES;
      return [tampered(index, { v: count }), index];
    },
    /^tail index is outside the transmit ring/,
  );
  refuses(
    'a transmit buffer that leaves the granted memory',
    () => {
      const doorbell = lastIndex(isWrite(r.TDT));
      const dump = parsed[doorbell + 1];
      assert.equal(dump?.['k'], 'dma');
      // The descriptor follows its doorbell, and the doorbell is what is refused.
      const address = Buffer.alloc(8);
      address.writeBigUInt64LE(0x3c0_0000n - 1n);
      const hex = address.toString('hex') + String(dump?.['hex']).slice(16);
      return [tampered(doorbell + 1, { hex }), doorbell];
    },
    /^transmit buffer is outside the memory granted/,
  );
  refuses(
    'a receive buffer that begins one byte before the granted memory',
    () => {
      const doorbell = lastIndex(isWrite(r.RDT));
      const dump = parsed[doorbell + 1];
      assert.equal(dump?.['k'], 'dma');
      return [tampered(doorbell + 1, { hex: `ffffff00${String(dump?.['hex']).slice(8)}` }), doorbell];
    },
    /^receive buffer is outside the memory granted/,
  );
  refuses('a reserved bit', () => extended({ k: 'w', o: r.RCTL, v: 1 }), /^reserved bits of `RCTL`/);
  refuses('a wrong width', () => extended({ k: 'r', o: r.STATUS, s: 1, v: 0 }), /^`STATUS` takes whole accesses/);
  refuses('a register that is not listed', () => extended({ k: 'w', o: 0x0fe0, v: 0 }), /./);
  refuses(
    'a reset by the wrong register',
    () => extended({ k: 'w', o: CTRL_DUP, v: r.CTRL_RST }),
    /^reset through CTRL/,
  );

  it('but a buffer that ends exactly where the granted memory ends is allowed', async () => {
    const doorbell = lastIndex(isWrite(r.TDT));
    const dump = String(parsed[doorbell + 1]?.['hex']);
    const length = Buffer.from(dump, 'hex').readUInt16LE(8);
    const address = Buffer.alloc(8);
    address.writeBigUInt64LE(BigInt(0x3c0_0000 - length));
    const { denied } = await replayed(
      'exact',
      tampered(doorbell + 1, { hex: address.toString('hex') + dump.slice(16) }),
    );
    assert.equal(denied, 0);
  });
});

describe('a damaged trace is reported with its line:', () => {
  const text = gunzipSync(readFileSync(OWN)).toString('utf8');
  const lines = text.split('\n');
  const rejected = async (name: string, content: string | Uint8Array, line: number, what: RegExp): Promise<void> => {
    const file = traceFile(name, content);
    await assert.rejects(replay(module.createMonitor, file, OWN_MEMORY), (error) => {
      assert.ok(error instanceof TraceError, String(error));
      assert.equal(error.code, 'TRACE_BAD_LINE');
      assert.equal(error.line, line);
      assert.ok(error.message.startsWith(`${file}:${line}: `));
      assert.match(error.message, what);
      return true;
    });
  };
  const withLine = (line: number, replacement: string): string =>
    [...lines.slice(0, line - 1), replacement, ...lines.slice(line)].join('\n');

  it('not JSON', () => rejected('json.jsonl', withLine(700, '{"t":1,"k":"w"'), 700, /not JSON/));
  it('not an object', () => rejected('array.jsonl', withLine(3, '[1]'), 3, /not a JSON object/));
  it('in the last line, without a newline', () =>
    rejected('last.jsonl', `${text}{"k":`, text.split('\n').length, /not JSON/));
  for (const field of ['v', 's', 'o', 'k']) {
    it(`without \`${field}\``, () => {
      const line = lines.findIndex((each) => each.includes('"k":"w"')) + 1;
      const { [field]: _, ...rest } = JSON.parse(lines[line - 1] ?? '') as Fields;
      return rejected(`no-${field}.jsonl`, withLine(line, JSON.stringify(rest)), line, new RegExp(`\`${field}\``));
    });
  }
  it('gzip that is cut short', async () => {
    const packed = gzipSync(text);
    const cut = packed.subarray(0, Math.floor(packed.length / 2));
    const whole = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH }).toString('latin1');
    await rejected('cut.jsonl.gz', cut, whole.split('\n').length, /damaged or cut short/);
  });
  it('gzip that is damaged in its checksum', async () => {
    const packed = gzipSync(text);
    packed[packed.length - 6] = (packed[packed.length - 6] ?? 0) ^ 0xff;
    // Found at the end, but what unpacks together with the end is not handed out any more.
    await assert.rejects(replay(module.createMonitor, traceFile('checksum.jsonl.gz', packed)), (error) => {
      assert.ok(error instanceof TraceError, String(error));
      assert.match(error.message, /damaged or cut short/);
      return error.line > 1 && error.line <= lines.length;
    });
  });
});
