// Type-aware linting. typescript-eslint needs the TypeScript 6 compiler API; the build itself uses TypeScript 7 (ADR 0001).
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'out/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // The interpreter undoes a transaction by throwing; a stack trace for each denial would cost more than the step.
      '@typescript-eslint/only-throw-error': ['error', { allow: [{ from: 'file', name: 'Denied' }] }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  { files: ['**/cli.ts', 'bin/**/*.ts'], rules: { 'no-console': 'off' } },
);
