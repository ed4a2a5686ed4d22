import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { makeEmptyReport, makeReport } from '../../fixtures/generate.js';
import { DATA_MARKER, embed, escapeJson } from './embed.ts';
import { Formats } from './format.ts';
import { readReport, type Report } from './report.ts';
import { story } from './story.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const validate = new Ajv2020({ allErrors: true, strict: false }).compile(
  JSON.parse(read('../spec/report.schema.json')) as object,
);
const errors = (report: unknown) => (validate(report) ? [] : (validate.errors ?? []));
const made = makeReport();
const formats = new Formats({ locales: ['en-GB'], currency: 'EUR', timezone: 'Europe/Stockholm' });

describe('the document', () => {
  test.each([
    ['the committed example', () => JSON.parse(read('fixtures/report.json')) as unknown],
    ['200 segments', () => makeReport({ customers: 200, segments: 200 })],
    ['one customer', () => makeReport({ customers: 1 })],
    ['nothing at all', () => makeEmptyReport()],
  ])('%s follows the schema', (_name, make) => {
    expect(errors(make())).toEqual([]);
  });

  test('the schema refuses what the page could not show', () => {
    const report = makeReport({ customers: 20 });
    expect(errors({ ...report, krets_report: 2 })).not.toEqual([]);
    expect(errors({ ...report, meta: { ...report.meta, now: '2026-03-15' } })).not.toEqual([]);
    expect(errors({ ...report, data: { ...report.data, customers: -1 } })).not.toEqual([]);
    expect(errors({ ...report, segments: [{ key: 'x' }] })).not.toEqual([]);
  });

  test('the committed example is what the generator makes', () => {
    expect(JSON.parse(read('fixtures/report.json'))).toEqual(made);
  });
});

describe('reading', () => {
  test('a report is read back', () => {
    const report = makeReport({ customers: 5 });
    expect(readReport(escapeJson(JSON.stringify(report)))).toEqual({ report });
  });

  test.each([
    ['{"krets', /damaged/],
    [DATA_MARKER, /no data yet/],
    ['null', /no data yet/],
    ['{"krets_report":2}', /another version/],
  ])('%s is explained', (text, problem) => {
    expect(readReport(text)).toEqual({ problem: expect.stringMatching(problem) as string });
  });

  test('no tag can begin inside the data, and dollar signs stay', () => {
    const page = `<script>${DATA_MARKER}</script>`;
    const name = '</script><!--<script> $& $1';
    const made = embed(page, JSON.stringify({ name }));
    expect(made.match(/</g)).toHaveLength(2);
    expect(JSON.parse(made.slice('<script>'.length, -'</script>'.length))).toEqual({ name });
  });
});

describe('the story', () => {
  const tell = (change: (report: Report) => void, from = made) => {
    const report = structuredClone(from);
    change(report);
    return story(report, formats);
  };

  test('tells customers, concentration, the largest segment and what is due', () => {
    expect(tell(() => undefined)).toEqual([
      '2,400 customers, worth €180,211 in all.',
      '10% of them bring 42% of the value.',
      'The largest segment, One-time buyers, holds 45% of the customers and 19% of the value.',
      '2 segments are due for review.',
    ]);
  });

  test('of nobody', () => {
    expect(story(makeEmptyReport(), formats)).toEqual([
      'No customers yet. Once a source is imported, their story stands here.',
    ]);
  });

  test('of one customer', () => {
    expect(tell(() => undefined, makeReport({ customers: 1 }))[0]).toMatch(/^1 customer, worth /);
  });

  test('without value', () => {
    const sentences = tell((report) => {
      report.data.value = null;
      report.concentration = null;
      for (const segment of report.segments) segment.value_share = null;
    });
    expect(sentences.slice(0, 2)).toEqual([
      '2,400 customers.',
      'The largest segment, One-time buyers, holds 45% of the customers.',
    ]);
  });

  test('with a value of zero', () => {
    expect(tell((report) => (report.data.value = 0))[0]).toBe(
      '2,400 customers, without any value so far.',
    );
  });

  test('without segments, or with empty ones', () => {
    expect(tell((report) => (report.segments = []))).toContain('No segments are defined yet.');
    expect(
      tell((report) => {
        for (const segment of report.segments) segment.size = 0;
      }),
    ).toContain('No segment has a member yet.');
  });
});
