// The report's first sentences.
import { largest } from './figures.ts';
import { plural, type Formats } from './format.ts';
import type { Report } from './report.ts';

/** What a reader should know after one look, in one to four sentences. */
export function story(report: Report, formats: Formats): string[] {
  const { customers, value } = report.data;
  if (customers === 0)
    return ['No customers yet. Once a source is imported, their story stands here.'];
  const sentences = [opening(customers, value, formats)];
  const tenth = report.concentration?.top.find((top) => top.share === 0.1);
  if (tenth && customers > 1) {
    const [share, brought] = [formats.percent(tenth.share), formats.share(tenth.value_share)];
    sentences.push(`${share} of them bring ${brought} of the value.`);
  }
  const [first] = largest(report.segments, 1);
  if (!first) sentences.push('No segments are defined yet.');
  else if (first.size === 0) sentences.push('No segment has a member yet.');
  else {
    const worth =
      first.value_share === null ? '' : ` and ${formats.share(first.value_share)} of the value`;
    sentences.push(
      `The largest segment, ${first.name}, holds ${formats.share(first.share)} of the customers${worth}.`,
    );
  }
  const overdue = report.segments.filter((segment) => segment.review_overdue).length;
  if (overdue > 0)
    sentences.push(
      `${formats.count(overdue)} ${plural(overdue, 'segment is', 'segments are')} due for review.`,
    );
  return sentences;
}

function opening(customers: number, value: number | null, formats: Formats): string {
  const people = `${formats.count(customers)} ${plural(customers, 'customer')}`;
  if (value === null) return `${people}.`;
  if (value === 0) return `${people}, without any value so far.`;
  return `${people}, worth ${formats.money(value)} in all.`;
}
