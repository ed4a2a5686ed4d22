// What the report promises a reader: opens offline and at once, prints, survives odd data.
import { statSync } from 'node:fs';
import { makeEmptyReport, makeReport } from '../fixtures/generate.js';
import { example, expect, pageWith, scrollThrough, test } from './page.ts';

const SIZE_MAX = 2_500_000;
/** From the start of loading until the page stands; about 150 on an idle machine. */
const OPENS_MS = 2_000;

test('opens from a file without a network or a complaint', async ({ report }) => {
  await report.open(example());
  await scrollThrough(report.page);
  expect(report.requests.filter((url) => !/^(file|data):/.test(url))).toEqual([]);
  expect(report.complaints).toEqual([]);
  await expect(report.page).toHaveTitle('Lanterna Records: customer segments');
});

test('stays under 2.5 MB with 200 segments', () => {
  expect(statSync(new URL('../dist/report.html', import.meta.url)).size).toBeLessThan(1_000_000);
  const page = pageWith(makeReport({ customers: 200, segments: 200 }));
  expect(Buffer.byteLength(page)).toBeLessThan(SIZE_MAX);
});

test('opens at once with 200 segments, and finds one', async ({ report }) => {
  const data = makeReport({ customers: 400, segments: 200 });
  await report.open(data);
  const ready = await report.page.evaluate(() => {
    const [navigation] = performance.getEntriesByType('navigation');
    return (navigation as PerformanceNavigationTiming).domContentLoadedEventEnd;
  });
  expect(ready).toBeGreaterThan(0);
  expect(ready).toBeLessThan(OPENS_MS);
  const rows = report.page.locator('#segments tr.segment');
  await expect(rows).toHaveCount(25);
  await report.page.getByRole('button', { name: 'Show all 200 segments' }).click();
  await expect(rows).toHaveCount(200);
  await report.page.getByLabel('Search segments', { exact: true }).fill('coupon hunters');
  await expect(rows).toHaveCount(1);
  await expect(report.page.getByRole('status').first()).toHaveText('1 segment of 200');
  await report.page.getByLabel('Search segments', { exact: true }).fill('no such thing');
  await expect(rows).toHaveCount(0);
  await expect(report.page.locator('#segments tbody')).toContainText('No segment has this');
});

test('charts are drawn when they come near, not before', async ({ report }) => {
  await report.open(example());
  const last = report.page.locator('#data .chart');
  await expect(last.locator('svg')).toHaveCount(0);
  await last.scrollIntoViewIfNeeded();
  await expect(last.locator('svg')).toHaveCount(1);
});

test('sorts by any column, both ways, and filters what is due', async ({ report }) => {
  const data = example();
  await report.open(data);
  const names = report.page.locator('#segments tr.segment .expand span[dir]');
  const heading = (name: string) => report.page.getByRole('columnheader', { name });
  const bySize = [...data.segments].sort((a, b) => b.size - a.size).map((one) => one.name);
  await expect(names).toHaveText(bySize);
  await expect(heading('Customers').first()).toHaveAttribute('aria-sort', 'descending');
  const byMean = [...data.segments].sort((a, b) => (b.mean ?? 0) - (a.mean ?? 0));
  await report.page.getByRole('button', { name: 'Mean value' }).click();
  await expect(names).toHaveText(byMean.map((one) => one.name));
  await report.page.getByRole('button', { name: 'Mean value' }).click();
  await expect(names.first()).toHaveText(byMean.at(-1)?.name ?? '');
  await report.page.getByLabel(/Due for review/).check();
  await expect(names).toHaveCount(data.segments.filter((one) => one.review_overdue).length);
});

test('a segment shows its definition as written when asked', async ({ report }) => {
  const data = example();
  await report.open(data);
  const growing = data.segments.find((one) => one.key === 'growing');
  await expect(report.page.locator('pre')).toHaveCount(0);
  await report.page.getByRole('button', { name: 'Growing' }).first().click();
  await expect(report.page.locator('pre')).toHaveText(growing?.source ?? '');
  await expect(report.page.getByTestId('segment-growing-review')).toHaveText('Due Feb 1, 2026');
});

test('the course of chosen segments follows the choice', async ({ report }) => {
  const data = example();
  await report.open(data);
  const part = report.page.locator('#time');
  await part.getByText('Choose segments').click();
  await part.getByLabel('Coupon hunters', { exact: true }).check();
  await expect(part.locator('.chart')).toHaveAttribute('aria-label', /Coupon hunters: from/);
  await part.getByText('Choose segments').click();
  await part.getByRole('button', { name: 'Take Coupon hunters out' }).click();
  await expect(part.locator('.chart')).not.toHaveAttribute('aria-label', /Coupon hunters/);
  await part.getByText('Value', { exact: true }).click();
  await part.getByRole('button', { name: /^Table/ }).click();
  const value = data.history?.series[4]?.values?.at(-1);
  await expect(part.locator(`data[value="${value}"]`)).toHaveCount(1);
});

test('every drawn chart has its table', async ({ report }) => {
  await report.open(example());
  const figures = report.page.locator('.figure:has(.chart)');
  const count = await figures.count();
  expect(count).toBeGreaterThanOrEqual(6);
  for (const button of await report.page.getByRole('button', { name: /^Table/ }).all())
    await button.click();
  await expect(report.page.locator('.chart')).toHaveCount(0);
  for (const figure of await report.page.locator('.figure').all())
    expect(await figure.locator('tbody tr').count()).toBeGreaterThan(0);
});

test('prints everything in light colours, all segments and all charts', async ({ report }) => {
  const { page } = report;
  await page.emulateMedia({ colorScheme: 'dark' });
  await report.open(makeReport({ customers: 400, segments: 60 }));
  const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
  expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  expect(pdf.length).toBeGreaterThan(50_000);
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await expect(page.locator('#segments tr.segment')).toHaveCount(60);
  for (const chart of await page.locator('.chart').all())
    await expect(chart.locator('svg')).toHaveCount(1);
  const ink = await page.evaluate(() => getComputedStyle(document.body).color);
  expect(ink).toBe('rgb(29, 36, 41)');
  await expect(page.getByRole('navigation')).toBeHidden();
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  await expect(page.locator('#segments tr.segment')).toHaveCount(25);
});

test('names that look like markup are only names', async ({ report }) => {
  const data = example();
  const name = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1"><!--';
  for (const segment of data.segments) segment.name = name;
  data.meta.name = name;
  await report.open(data);
  await scrollThrough(report.page);
  await expect(report.page.locator('h1')).toHaveText(name);
  const chart = report.page.locator('#time .chart');
  await chart.scrollIntoViewIfNeeded();
  await chart.hover({ position: { x: 300, y: 150 } });
  await expect(chart.getByText('window.hacked').first()).toBeVisible();
  expect(await report.page.evaluate(() => 'hacked' in window)).toBe(false);
  expect(report.complaints).toEqual([]);
});

test('says in words what there is not', async ({ report }) => {
  await report.open(makeEmptyReport());
  for (const text of [
    'No customers yet. Once a source is imported, their story stands here.',
    'No segments yet. Add one',
    'It takes at least two segments',
    'The model says not yet what a customer is worth',
    'The grid needs a metric',
    'No cohorts yet',
    'The model defines no metrics yet.',
    'No events yet.',
    'No source has been imported yet.',
  ])
    await expect(report.page.getByText(text)).toBeVisible();
  expect(report.complaints).toEqual([]);
});

test('shows one customer without a complaint', async ({ report }) => {
  await report.open(makeReport({ customers: 1 }));
  await scrollThrough(report.page);
  await expect(report.page.getByText('One customer brings all of the value.')).toBeVisible();
  expect(report.complaints).toEqual([]);
});

test('shows a shop whose value is zero', async ({ report }) => {
  const data = makeReport({ customers: 30 });
  await report.open({
    ...data,
    data: { ...data.data, value: 0 },
    segments: data.segments.map((one) => ({ ...one, value: 0, value_share: null, mean: null })),
    concentration: null,
  });
  await expect(report.page.getByText('30 customers, without any value so far.')).toBeVisible();
  await expect(report.page.getByText('there is nothing to share out')).toBeVisible();
  expect(report.complaints).toEqual([]);
});

test('a page without data says so', async ({ report }) => {
  await report.openHtml(pageWith({ krets: 'data' }));
  await expect(report.page.locator('h1')).toHaveText('No report to show');
});

test('a phone needs no sideways scrolling of the page', async ({ report }) => {
  await report.page.setViewportSize({ width: 390, height: 844 });
  await report.open(makeReport({ customers: 400, segments: 40 }));
  await scrollThrough(report.page);
  expect(await report.page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});

test.describe('in Swedish', () => {
  test.use({ locale: 'sv-SE' });

  test('numbers and dates are written as the reader does', async ({ report }) => {
    const data = example();
    await report.open(data);
    const customers = new Intl.NumberFormat('sv-SE').format(data.data.customers);
    await expect(report.page.getByTestId('data-customers')).toHaveText(customers);
    await expect(report.page.getByTestId('data-value')).toHaveText(/^180\s211\s€$/);
    await expect(report.page.locator('time').first()).toContainText('15 mars 2026');
  });
});

test('the choice of colours is kept', async ({ report }) => {
  const { page } = report;
  await report.open(makeReport({ customers: 20 }));
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(await ground()).toBe('rgb(247, 245, 240)');
  await page.getByText('Dark', { exact: true }).click();
  expect(await ground()).toBe('rgb(18, 23, 26)');
  await page.reload();
  await expect(page.getByRole('radio', { name: 'Dark' })).toBeChecked();
  expect(await ground()).toBe('rgb(18, 23, 26)');
});
