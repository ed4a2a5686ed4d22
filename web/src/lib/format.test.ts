import { describe, expect, test } from 'vitest';
import { Formats, NONE, plural, supportedLocales } from './format.ts';

const english = new Formats({ locales: ['en-GB'], currency: 'GBP', timezone: 'Europe/London' });
const german = new Formats({ locales: ['de-DE'], currency: 'EUR', timezone: 'Europe/Berlin' });
const bare = new Formats({ locales: ['en-US'], currency: '', timezone: 'Mars/Olympus' });
/** Spaces of all widths as plain ones. */
const plain = (text: string) => text.replace(/\s/g, ' ');

describe('numbers', () => {
  test('counts are grouped as the reader is used to', () => {
    expect(english.count(1234567)).toBe('1,234,567');
    expect(german.count(1234567)).toBe('1.234.567');
  });

  test('money has the model’s currency and drops cents from 1,000 on', () => {
    expect(english.money(999.5)).toBe('£999.50');
    expect(english.money(1000.49)).toBe('£1,000');
    expect(plain(german.money(12.5))).toBe('12,50 €');
    expect(english.moneyExact(1000.49)).toBe('£1,000.49');
  });

  test('money without a currency is a plain number', () => {
    expect(bare.money(1234.56)).toBe('1,235');
    expect(bare.money(12.5)).toBe('12.5');
  });

  test('a currency that is no code is left out instead of failing', () => {
    const odd = new Formats({ locales: ['en'], currency: 'kr', timezone: 'UTC' });
    expect(odd.money(12.5)).toBe('12.5');
  });

  test('yen have no cents', () => {
    const yen = new Formats({ locales: ['en'], currency: 'JPY', timezone: 'Asia/Tokyo' });
    expect(yen.money(250)).toBe('¥250');
  });

  test('small shares keep a decimal, nothing is nothing', () => {
    expect(english.share(0.614)).toBe('61%');
    expect(english.share(0.0342)).toBe('3.4%');
    expect(english.share(0)).toBe('0%');
    expect(english.share(1)).toBe('100%');
  });

  test('a cell never says 0 % of something', () => {
    expect(english.cell(0.004)).toBe('<1%');
    expect(english.cell(0.006)).toBe('1%');
    expect(english.cell(0)).toBe('0%');
  });

  test('axis figures are short and not rounded into another', () => {
    expect(english.compact(1250).toLowerCase()).toBe('1.25k');
    expect(english.compact(2_500_000, true).toLowerCase()).toBe('£2.5m');
  });

  test('precision follows size', () => {
    expect(english.number(0.5369)).toBe('0.5369');
    expect(english.number(3.14159)).toBe('3.14');
    expect(english.number(187.54)).toBe('187.5');
    expect(english.number(54321.9)).toBe('54,322');
  });

  test('what is not known is a dash', () => {
    for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY])
      expect(english.text(value, 'money')).toBe(NONE);
  });
});

describe('times', () => {
  test('instants are shown in the model’s zone, not in the reader’s', () => {
    const tokyo = new Formats({ locales: ['en-GB'], currency: '', timezone: 'Asia/Tokyo' });
    expect(english.date('2026-03-14T23:30:00Z')).toBe('14 Mar 2026');
    expect(tokyo.date('2026-03-14T23:30:00Z')).toBe('15 Mar 2026');
  });

  test('plain dates are not moved by a zone', () => {
    const west = new Formats({ locales: ['en-GB'], currency: '', timezone: 'Pacific/Honolulu' });
    expect(west.date('2026-03-15')).toBe('15 Mar 2026');
    expect(west.month('2026-03')).toBe('Mar 2026');
  });

  test('microseconds are read', () => {
    expect(english.date('2025-01-31T23:59:59.999999+00:00')).toBe('31 Jan 2025');
  });

  test('an unknown zone falls back to UTC', () => {
    expect(bare.date('2026-03-14T23:30:00Z')).toBe('Mar 14, 2026');
  });

  test('cohorts of every unit have a name', () => {
    expect(english.period('2025-03')).toBe('Mar 2025');
    expect(english.period('2025-03-31')).toBe('31 Mar 2025');
    expect(english.period('2025-Q2')).toBe('Q2 2025');
    expect(english.period('2025')).toBe('2025');
  });

  test('what is no time is shown as it is', () => {
    expect(english.date('soon')).toBe('soon');
  });
});

describe('locales', () => {
  test('malformed and unknown ones are passed over', () => {
    expect(supportedLocales(['not a tag', 'tlh-Latn', 'sv-SE'])).toContain('sv-SE');
    expect(supportedLocales(['not a tag'])).toEqual(['en-GB']);
  });

  test('names are ordered with numbers by size', () => {
    expect(['b10', 'b9', 'A'].sort((a, b) => english.compare(a, b))).toEqual(['A', 'b9', 'b10']);
  });

  test('one is not many', () => {
    expect([plural(1, 'customer'), plural(0, 'customer')]).toEqual(['customer', 'customers']);
    expect(plural(2, 'property', 'properties')).toBe('properties');
  });
});
