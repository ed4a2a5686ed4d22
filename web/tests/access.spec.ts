// Nobody is kept out: axe in both themes, everything by keyboard.
import { AxeBuilder } from '@axe-core/playwright';
import { makeEmptyReport, makeReport } from '../fixtures/generate.js';
import { example, expect, scrollThrough, test, type ReportPage } from './page.ts';

async function violations({ page }: ReportPage): Promise<string[]> {
  const found = await new AxeBuilder({ page }).analyze();
  return found.violations.flatMap((one) =>
    one.nodes.map((node) => `${one.id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`),
  );
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme });

    test('axe finds nothing as the page opens', async ({ report }) => {
      await report.open(example());
      await scrollThrough(report.page);
      expect(await violations(report)).toEqual([]);
    });

    test('axe finds nothing with all tables, details and lists open', async ({ report }) => {
      const { page } = report;
      await report.open(example());
      for (const button of await page.getByRole('button', { name: /^Table/ }).all())
        await button.click();
      for (const button of await page.locator('.expand').all()) await button.click();
      for (const summary of await page.locator('summary').all()) await summary.click();
      await page.locator('#cohorts').getByText('Customers', { exact: true }).first().click();
      expect(await violations(report)).toEqual([]);
    });
  });
}

test('axe finds nothing where nothing is', async ({ report }) => {
  await report.open(makeEmptyReport());
  expect(await violations(report)).toEqual([]);
});

test('axe finds nothing on a phone', async ({ report }) => {
  await report.page.setViewportSize({ width: 390, height: 844 });
  await report.open(makeReport({ customers: 300 }));
  expect(await violations(report)).toEqual([]);
});

test('the first tab stop skips to the report', async ({ report }) => {
  const { page } = report;
  await report.open(makeReport({ customers: 50 }));
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the report' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
});

test('everything that can be done is done by keyboard', async ({ report }) => {
  const { page } = report;
  await report.open(makeReport({ customers: 300 }));
  const focused = page.locator(':focus');
  const tabTo = async (what: string, name: string) => {
    for (let i = 0; i < 200; i++) {
      await page.keyboard.press('Tab');
      const text = await focused.evaluate((one) =>
        [one.textContent, one.getAttribute('placeholder'), one.parentElement?.textContent].join(),
      );
      if ((await focused.evaluate((one) => one.tagName)) === what && text.includes(name)) return;
    }
    throw new Error(`no ${what} “${name}” is reached with Tab`);
  };

  await tabTo('INPUT', 'Auto');
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('radio', { name: 'Light' })).toBeChecked();

  await tabTo('INPUT', 'Search names');
  await tabTo('BUTTON', 'Value');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('columnheader', { name: 'Value', exact: true })).toHaveAttribute(
    'aria-sort',
    'descending',
  );
  await tabTo('BUTTON', 'Champions');
  await page.keyboard.press('Space');
  await expect(focused).toHaveAttribute('aria-expanded', 'true');
  await expect(page.locator('pre')).toBeVisible();

  await tabTo('BUTTON', 'Table');
  await page.keyboard.press('Enter');
  await expect(page.locator('#time table')).toBeVisible();
  await tabTo('SUMMARY', 'Choose segments');
  await page.keyboard.press('Enter');
  await expect(page.locator('#time .panel')).toBeVisible();
  await tabTo('INPUT', 'Coupon hunters');
  await page.keyboard.press('Space');
  await expect(page.locator('#time tbody')).toContainText('Coupon hunters');
});

test('headings make an outline and landmarks have names', async ({ report }) => {
  const { page } = report;
  await report.open(makeReport({ customers: 300 }));
  await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
  await expect(page.getByRole('heading', { level: 2 })).toHaveCount(9);
  await expect(page.getByRole('main')).toHaveCount(1);
  await expect(page.getByRole('contentinfo')).toHaveCount(1);
  for (const link of await page.getByRole('navigation').getByRole('link').all()) {
    const target = (await link.getAttribute('href')) ?? '';
    await expect(page.locator(`section${target}`)).toHaveAttribute('aria-labelledby', /.+/);
  }
  for (const image of await page.getByRole('img').all())
    expect(((await image.getAttribute('aria-label')) ?? '').length).toBeGreaterThan(8);
});
