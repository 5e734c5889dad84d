/** What the last start left behind is removed by the next one, and nothing else is. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openOwnFolder } from './own-folder.ts';

test('folders of killed processes are removed at the next start; all others stay', () => {
  const parent = mkdtempSync(join(tmpdir(), 'refmon-own-folder-test-'));
  try {
    const here = readlinkSync('/proc/self/ns/pid');
    const { pid: gone } = spawnSync('true');
    const lay = (name: string, mark?: string): string => {
      mkdirSync(join(parent, name));
      writeFileSync(join(parent, name, 'disk.img'), 'data');
      if (mark !== undefined) writeFileSync(join(parent, name, 'made-in'), mark);
      return name;
    };
    lay(`refmon-${gone}-aaaaaa`, here);
    const kept = [
      lay(`refmon-${process.ppid}-bbbbbb`, here),
      lay(`refmon-${gone}-cccccc`),
      lay(`refmon-${gone}-dddddd`, 'pid:[1]'),
      lay(`refmon-${gone}-longer-name`, here),
      lay('refmon-0-eeeeee', here),
    ];
    symlinkSync(join(parent, kept[0] ?? ''), join(parent, `refmon-${gone}-ffffff`));
    const own = openOwnFolder(parent);
    assert.deepEqual(
      readdirSync(parent).sort(),
      [...kept, `refmon-${gone}-ffffff`, own.slice(parent.length + 1)].sort(),
    );
    assert.deepEqual(readdirSync(join(parent, kept[0] ?? '')).sort(), ['disk.img', 'made-in']);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
