// The colours of both themes: for CSS (as custom properties) and for charts.
import { contrast, mix } from './colour.ts';

export type Mode = 'light' | 'dark';

export interface Palette {
  page: string;
  card: string;
  sunken: string;
  line: string;
  ink: string;
  soft: string; // secondary text
  accent: string;
  accentInk: string; // text on accent
  good: string;
  bad: string;
  badSoft: string; // background of a warning
  heat: readonly string[]; // from nothing to much
  series: readonly string[];
}

export const PALETTES: Readonly<Record<Mode, Palette>> = {
  light: {
    page: '#f7f5f0',
    card: '#ffffff',
    sunken: '#f1eee7',
    line: '#dedad0',
    ink: '#1d2429',
    soft: '#575f63',
    accent: '#14616b',
    accentInk: '#ffffff',
    good: '#2c6a3f',
    bad: '#a3361f',
    badSoft: '#fbe9e2',
    heat: ['#f4f3ee', '#d3e4e2', '#9fc9c8', '#5ba3a7', '#217781', '#0c4a53'],
    series: [
      '#14616b',
      '#b5511f',
      '#5a4a9c',
      '#8a6a00',
      '#a33a70',
      '#2a66ad',
      '#4a7232',
      '#6f6259',
    ],
  },
  dark: {
    page: '#12171a',
    card: '#1a2024',
    sunken: '#222a2f',
    line: '#333d43',
    ink: '#e9ebe8',
    soft: '#a5afb2',
    accent: '#6cc5cb',
    accentInk: '#0c1a1c',
    good: '#85c795',
    bad: '#f0927a',
    badSoft: '#3b241e',
    heat: ['#20282c', '#1f4147', '#1f5f68', '#2c848c', '#55adb3', '#a4dcdc'],
    series: [
      '#6cc5cb',
      '#f0a070',
      '#b0a3ee',
      '#d8b84a',
      '#ea94bd',
      '#82b4f0',
      '#9fcb80',
      '#c2b5aa',
    ],
  },
};

/** Colour and text colour of a heat map's cell; `amount` 0 to 1. */
export function heat(palette: Palette, amount: number): { fill: string; ink: string } {
  const steps = palette.heat.length - 1;
  const at = Math.min(Math.max(amount, 0), 1) * steps;
  const low = Math.min(Math.floor(at), steps - 1);
  const fill = mix(
    palette.heat[low] ?? palette.card,
    palette.heat[low + 1] ?? palette.card,
    at - low,
  );
  // Black or white always reaches 4.5; the softer ink is taken where it does too.
  const ink = ['#10181c', '#ffffff', '#000000'].find((text) => contrast(fill, text) >= 4.5);
  return { fill, ink: ink ?? '#000000' };
}

export function seriesColour(palette: Palette, index: number): string {
  return palette.series[index % palette.series.length] ?? palette.accent;
}

function properties(palette: Palette): string {
  const names = Object.entries(palette).map(([name, colour]) =>
    typeof colour === 'string'
      ? `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}:${colour};`
      : '',
  );
  return names.join('') + palette.heat.map((colour, i) => `--heat-${i}:${colour};`).join('');
}

/** The style sheet of custom properties; paper is always light. */
export function paletteCss(): string {
  const light = properties(PALETTES.light);
  const dark = properties(PALETTES.dark);
  return [
    `:root{color-scheme:light;${light}}`,
    `@media screen{:root[data-theme=dark]{color-scheme:dark;${dark}}}`,
    `@media screen and (prefers-color-scheme:dark){`,
    `:root:not([data-theme=light]){color-scheme:dark;${dark}}}`,
  ].join('');
}
