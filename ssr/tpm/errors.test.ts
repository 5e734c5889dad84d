import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeResponseCode, TpmError } from './errors.ts';

test('a refusal names the code, whom it blames and what to do', () => {
  const cases: readonly (readonly [number, string, string | undefined])[] = [
    [0x101, 'TPM_RC_FAILURE', undefined],
    [0x120, 'TPM_RC_DISABLED', undefined],
    [0x126, 'TPM_RC_POLICY', undefined],
    [0x142, 'TPM_RC_COMMAND_SIZE', undefined],
    [0x14a, 'TPM_RC_NV_UNINITIALIZED', undefined],
    [0x14b, 'TPM_RC_NV_SPACE', undefined],
    [0x18b, 'TPM_RC_HANDLE', 'handle 1'],
    [0x28b, 'TPM_RC_HANDLE', 'handle 2'],
    [0x1c4, 'TPM_RC_VALUE', 'parameter 1'],
    [0x1df, 'TPM_RC_INTEGRITY', 'parameter 1'],
    [0x2d5, 'TPM_RC_SIZE', 'parameter 2'],
    [0x902, 'TPM_RC_OBJECT_MEMORY', undefined],
    [0x903, 'TPM_RC_SESSION_MEMORY', undefined],
    [0x907, 'TPM_RC_LOCALITY', undefined],
    [0x921, 'TPM_RC_LOCKOUT', undefined],
    [0x922, 'TPM_RC_RETRY', undefined],
    [0x99d, 'TPM_RC_POLICY_FAIL', 'session 1'],
    [0x9a2, 'TPM_RC_BAD_AUTH', 'session 1'],
  ];
  for (const [code, name, blame] of cases) {
    const error = new TpmError('NV_Read', code);
    assert.equal(error.code, name);
    assert.ok(error.message.includes(`[${name}, 0x${code.toString(16)}]`));
    if (blame === undefined) assert.equal(error.blame, undefined, name);
    else assert.ok(error.message.includes(`(${blame})`), error.message);
  }
});

test('every 32-bit code has a name, known or not', () => {
  fc.assert(
    fc.property(fc.nat({ max: 0xffffffff }), (code) => {
      const { name, what, help } = decodeResponseCode(code);
      assert.match(name, /^TPM_RC_/);
      assert.ok(what.length > 0 && help.length > 0);
    }),
  );
  assert.equal(decodeResponseCode(0xb05).name, 'TPM_RC_0xb05');
});
