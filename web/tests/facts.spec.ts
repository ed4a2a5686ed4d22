// Displayed figures against figures from elsewhere. KRETS_REPORT is a report.html, KRETS_FACTS a
// JSON file of {test id: number or text}, for example counted by SQL; without them, the known.
import { readFileSync } from 'node:fs';
import { example, expect, pageWith, test } from './page.ts';

type Facts = Record<string, number | string>;

const FACTS_MIN = 10;

function exampleFacts(): Facts {
  const known = example();
  const [champions] = known.segments;
  const first = known.cohorts?.rows[0];
  const tenth = known.concentration?.top[2];
  if (!champions || !first || !tenth) throw new Error('the example lacks a part');
  return {
    'data-customers': known.data.customers,
    'data-events': known.data.events,
    'data-value': known.data.value ?? '–',
    'segment-champions-customers': champions.size,
    'segment-champions-share': champions.share,
    'segment-champions-value': champions.value ?? '–',
    'segment-champions-mean': champions.mean ?? '–',
    'lorenz-10': tenth.value_share,
    'lorenz-10-value': tenth.value,
    [`cohort-${first.cohort}-0`]: first.size,
    [`cohort-${first.cohort}-1`]: first.counts[1] ?? 0,
    [`cohort-${first.cohort}-1-share`]: (first.counts[1] ?? 0) / first.size,
    'rfm-1-1-customers': known.rfm?.cells[0]?.customers ?? 0,
    'rfm-1-1-value': known.rfm?.cells[0]?.value ?? 0,
    'overlap-lapsed-high_value': known.overlap?.counts[6]?.[1] ?? 0,
    'source-orders-rows': known.quality.sources[0]?.rows ?? 0,
    'metric-gap-nulls': known.metrics[3]?.nulls ?? 0,
  };
}

/** The number that a text such as "€1,234", "12.5%" or "–3" says, and half of its last digit. */
function said(text: string): { value: number; slack: number } {
  const digits = text.replace(/[−–](?=\d)/, '-').replace(/[^\d.-]/g, '');
  const scale = text.includes('%') ? 100 : 1;
  const decimals = digits.split('.')[1]?.length ?? 0;
  return { value: Number(digits) / scale, slack: (0.5 * 10 ** -decimals) / scale + 1e-9 };
}

test('displayed figures are those counted elsewhere', async ({ report }) => {
  const { page } = report;
  const factsFile = process.env['KRETS_FACTS'];
  const reportFile = process.env['KRETS_REPORT'];
  if ((factsFile === undefined) !== (reportFile === undefined))
    throw new Error('give both KRETS_REPORT and KRETS_FACTS, or neither');
  const facts = factsFile ? (JSON.parse(readFileSync(factsFile, 'utf8')) as Facts) : exampleFacts();
  await report.openHtml(reportFile ? readFileSync(reportFile, 'utf8') : pageWith(example()));
  expect(Object.keys(facts).length).toBeGreaterThanOrEqual(FACTS_MIN);

  const all = page.getByRole('button', { name: /^Show all .* segments$/ });
  if (await all.isVisible()) await all.click();
  const check = async (id: string, expected: number | string) => {
    const figure = page.getByTestId(id);
    await expect(figure, `${id} is on the page`).toHaveCount(1);
    const text = (await figure.innerText()).trim();
    if (typeof expected === 'string') return expect(text, id).toBe(expected);
    const exact = await figure.getAttribute('value');
    const { value, slack } = said(text);
    if (text.startsWith('<')) expect(expected, `${id}: ${text}`).toBeLessThan(value);
    else
      expect(Math.abs(value - expected), `${id}: ${text}, not ${expected}`).toBeLessThanOrEqual(
        slack,
      );
    if (exact !== null)
      expect(Math.abs(Number(exact) - expected), `${id}: ${exact}, not ${expected}`).toBeLessThan(
        1e-4 + Math.abs(expected) * 1e-9,
      );
  };
  const isCount = (id: string) => /^cohort-.*-[1-9]\d*$/.test(id);
  const isBoth = (id: string) => id.startsWith('overlap-');
  for (const [id, expected] of Object.entries(facts))
    if (!isCount(id) && !isBoth(id)) await check(id, expected);
  for (const part of ['#cohorts', '#overlap']) {
    const customers = page.locator(part).getByRole('radio', { name: 'Customers' });
    if ((await customers.count()) > 0) await customers.check({ force: true });
  }
  for (const [id, expected] of Object.entries(facts))
    if (isCount(id) || isBoth(id)) await check(id, expected);
});
