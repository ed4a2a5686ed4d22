import { readFileSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';
import { defineConfig } from 'vitest/config';
import { DATA_MARKER, embed } from './src/lib/embed.ts';

/** `npm run dev` shows the example report in place of the marker. */
function example(): Plugin {
  return {
    name: 'krets-example',
    apply: 'serve',
    transformIndexHtml: (html) =>
      embed(html, readFileSync(new URL('fixtures/report.json', import.meta.url), 'utf8')),
  };
}

/** The page holds the marker exactly once: the C side replaces it and must not hit the script. */
function markerOnce(): Plugin {
  return {
    name: 'krets-marker-once',
    enforce: 'post',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const file of Object.values(bundle)) {
          if (file.type !== 'asset' || !file.fileName.endsWith('.html')) continue;
          const count = String(file.source).split(DATA_MARKER).length - 1;
          if (count !== 1)
            this.error(`${file.fileName}: ${DATA_MARKER} found ${count} times, not once`);
        }
      },
    },
  };
}

export default defineConfig({
  plugins: [svelte(), example(), viteSingleFile(), markerOnce()],
  build: {
    target: 'es2022',
    rollupOptions: { input: 'report.html' },
    reportCompressedSize: false,
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
