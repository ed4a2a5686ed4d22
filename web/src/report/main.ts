import { mount } from 'svelte';
import { DATA_ELEMENT } from '../lib/embed.ts';
import { readReport } from '../lib/report.ts';
import { theme } from '../lib/theme.svelte.ts';
import '../styles.css';
import Problem from './Problem.svelte';
import Report from './Report.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no element #app');

theme.start();
const reading = readReport(document.getElementById(DATA_ELEMENT)?.textContent ?? '');
if ('report' in reading) {
  if (reading.report.meta.name) document.title = `${reading.report.meta.name}: customer segments`;
  mount(Report, { target, props: { report: reading.report } });
} else {
  mount(Problem, { target, props: { problem: reading.problem } });
}
