import { describe, expect, test } from 'vitest';
import { contrast, luminance, mix } from './colour.ts';
import { heat, PALETTES, paletteCss, seriesColour } from './palette.ts';

describe('colour arithmetic', () => {
  test('contrast is that of WCAG', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
    expect(contrast('#ffffff', '#777777')).toBeCloseTo(4.48, 2);
  });

  test('mixing goes from one end to the other', () => {
    expect(mix('#000000', '#ffffff', 0)).toBe('#000000');
    expect(mix('#000000', '#ff8000', 1)).toBe('#ff8000');
    expect(mix('#000000', '#ffffff', 0.5)).toBe('#808080');
  });
});

describe.each(['light', 'dark'] as const)('%s palette', (mode) => {
  const palette = PALETTES[mode];
  const grounds = [palette.page, palette.card, palette.sunken];

  test('text is readable on every ground', () => {
    for (const ground of grounds)
      for (const text of [palette.ink, palette.soft, palette.accent, palette.bad, palette.good])
        expect(contrast(text, ground), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
  });

  test('text on accent and on warnings is readable', () => {
    expect(contrast(palette.accentInk, palette.accent)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(palette.bad, palette.badSoft)).toBeGreaterThanOrEqual(4.5);
  });

  test('lines stand out from the card, and their names can be read', () => {
    for (const colour of palette.series)
      expect(contrast(colour, palette.card), colour).toBeGreaterThanOrEqual(4.5);
  });

  test('no two lines have the same colour', () => {
    expect(new Set(palette.series).size).toBe(palette.series.length);
    expect(seriesColour(palette, palette.series.length)).toBe(palette.series[0]);
  });

  test('figures in a heat map are readable at every step', () => {
    for (let i = 0; i <= 200; i++) {
      const { fill, ink } = heat(palette, i / 200);
      expect(contrast(fill, ink), `at ${i / 200}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  test('more is always further from the card', () => {
    const way = luminance(palette.card) > 0.5 ? -1 : 1;
    const steps = palette.heat.map((colour) => luminance(colour) * way);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });

  test('amounts outside 0 to 1 are clamped', () => {
    expect(heat(palette, -3)).toEqual(heat(palette, 0));
    expect(heat(palette, 7)).toEqual(heat(palette, 1));
  });
});

test('the style sheet has every colour, and dark only on screens', () => {
  const css = paletteCss();
  expect(css).toContain(`--accent-ink:${PALETTES.light.accentInk}`);
  expect(css).toContain(`--heat-5:${PALETTES.dark.heat[5]}`);
  expect(css.split('color-scheme:dark').slice(0, -1).join('')).toContain('@media screen');
});
