/**
 * The whole of it, once, on a real Linux: its own e1000 driver works behind the monitor, is refused nothing, and its trace
 * replays clean; then the same guest misbehaves, loses the card, lives, and has it back. One boot of 15 to 40 seconds.
 * The other devices: `refmon verify shield`.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { rulePlace } from '../../dsslang/index.ts';
import { leftovers } from '../backing/qemu/testing/harness.ts';
import { findProgram, QEMU_PROGRAM } from '../backing/qemu/programs.ts';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import { replay } from '../trace/replay.ts';
import { allModules, SHIELD_ROWS } from './devices.ts';
import { cachedGuest, obtainGuest } from './guest-packages.ts';
import { runShield, type ShieldEvent } from './run.ts';

const withoutQemu = findProgram(QEMU_PROGRAM) === undefined;
const withoutKernel = cachedGuest(allModules()) === undefined && findProgram('apt-get') === undefined;
const missing = withoutQemu
  ? `${QEMU_PROGRAM} is not installed`
  : withoutKernel
    ? 'there is no kernel for the guest, and no apt-get to fetch it'
    : false;

test(
  'an unmodified Linux driver works behind the monitor, and is refused only when the guest misbehaves',
  { skip: missing, timeout: 360_000 },
  async () => {
    const [row] = SHIELD_ROWS;
    assert.ok(row !== undefined);
    const folder = mkdtempSync(join(tmpdir(), 'refmon-trace-'));
    const before = leftovers();
    const events: ShieldEvent[] = [];
    try {
      const record = join(folder, 'e1000.jsonl.gz');
      const specification = await loadSpecification(inPackage(row.specification), row.specification);
      const guest = await obtainGuest(allModules(), () => undefined);
      const onEvent = (event: ShieldEvent): void => void events.push(event);
      const factsNamed = (name: string): readonly string[] =>
        events.flatMap((event) => (event.event === 'fact' && event.name === name ? [event.value] : []));
      const script = Buffer.from(
        'fact note "$(basename $(readlink $DEVICE/driver))"; ip link set eth0 down; probe; exit 3',
      );
      const result = await runShield({ row, specification, guest, rogue: true, record, onEvent, script });

      const ended = 'in the guest: the script ended with status 3';
      assert.deepEqual(result.work.wrong, [ended], 'the work was done, before the attack and after it');
      assert.deepEqual(factsNamed('note'), ['e1000'], 'the script ran');
      assert.equal(result.driver, 'e1000');
      assert.ok(result.counts.reads > 5000 && result.counts.writes > 5000 && result.counts.interrupts > 100);
      assert.ok(result.shadow.kind === 'mirrored' && result.shadow.descriptors > 500);
      assert.deepEqual(
        result.phases.map(({ phase }) => phase),
        ['boot', 'probe', 'traffic', 'script', 'rogue', 'again', 'unload', 'end'],
      );
      // Nothing was refused but the attack, and that at its own place.
      assert.equal(result.counts.denied, 1);
      const rogueAt = events.findIndex((event) => event.event === 'phase' && event.phase === 'rogue');
      const againAt = events.findIndex((event) => event.event === 'phase' && event.phase === 'again');
      const violationAt = events.findIndex((event) => event.event === 'violation');
      assert.ok(rogueAt < violationAt && violationAt < againAt);
      const [fault] = result.violations;
      assert.ok(fault?.kind === 'violation');
      assert.equal(fault.rule.reason, 'the receive ring cannot move while the engine runs');
      assert.match(rulePlace(fault.rule), /^drivers\/e1000\/e1000\.dss:\d+:\d+$/);
      assert.ok(fault.refused.kind === 'write' && fault.refused.register === 'RDBAL');
      assert.equal(fault.reset.done, 'reset');
      assert.ok(result.alive && result.returned);

      const replayed = await replay(specification.module.createMonitor, record);
      assert.equal(replayed.denied, 0);
      assert.ok(replayed.operations > 10_000 && replayed.descriptors > 500);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    assert.deepEqual(leftovers(), before, 'nothing is left on this machine');
  },
);
