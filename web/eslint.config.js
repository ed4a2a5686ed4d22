import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';

export default ts.config(
    { ignores: ['dist/', 'node_modules/', 'test-results/'] },
    ...ts.configs.strict,
    ...svelte.configs.recommended,
    {
        files: ['**/*.svelte', '**/*.svelte.ts'],
        languageOptions: { parserOptions: { parser: ts.parser } },
    },
    { rules: { eqeqeq: 'error', 'no-console': 'error' } },
    { files: ['tests/**', '*.config.*'], rules: { 'no-console': 'off' } },
);
