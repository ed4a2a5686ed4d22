// A built report page with data in it, opened from a file with the network off.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test as base, type Page } from '@playwright/test';
import { makeReport } from '../fixtures/generate.js';
import { embed } from '../src/lib/embed.ts';
import type { Report } from '../src/lib/report.ts';

const built = new URL('../dist/report.html', import.meta.url);

export function pageWith(data: unknown): string {
  return embed(readFileSync(built, 'utf8'), JSON.stringify(data));
}

const made = makeReport();

/** The example report, to be changed at will. */
export function example(): Report {
  return structuredClone(made);
}

export interface ReportPage {
  page: Page;
  /** Everything the page asked for, and everything it complained about. */
  requests: string[];
  complaints: string[];
  open(data: unknown): Promise<void>;
  openHtml(html: string): Promise<void>;
}

export const test = base.extend<{ report: ReportPage }>({
  report: async ({ page, context }, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'krets-report-'));
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    await context.setOffline(true);
    const openHtml = async (html: string) => {
      const file = join(folder, 'report.html');
      writeFileSync(file, html);
      await page.goto(pathToFileURL(file).href);
      await expect(page.locator('h1')).toBeVisible();
    };
    await use({ page, requests, complaints, openHtml, open: (data) => openHtml(pageWith(data)) });
    rmSync(folder, { recursive: true });
  },
});

export { expect };

/** Scrolls through the page, so that every chart is drawn. */
export async function scrollThrough(page: Page): Promise<void> {
  const charts = page.locator('.chart');
  for (let i = 0; i < (await charts.count()); i++) {
    await charts.nth(i).scrollIntoViewIfNeeded();
    await expect(charts.nth(i).locator('svg')).toBeVisible();
  }
}
