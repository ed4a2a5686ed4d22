// Figures that follow from the report's own: pure functions, no text.
import type { Cohorts, Metric, Overlap, RfmAxis, RfmCell, Scalar, Segment } from './report.ts';

/** Customers in both of two segments, by position in overlap.keys. */
export function inBoth(overlap: Overlap, i: number, j: number): number {
  return overlap.counts[Math.max(i, j)]?.[Math.min(i, j)] ?? 0;
}

/** Customers in both ÷ customers in either; 0 for two empty segments. */
export function jaccard(overlap: Overlap, i: number, j: number): number {
  const both = inBoth(overlap, i, j);
  const either = inBoth(overlap, i, i) + inBoth(overlap, j, j) - both;
  return either === 0 ? 0 : both / either;
}

export interface Pair {
  first: number;
  second: number;
  both: number;
  jaccard: number;
}

/** Pairs of the chosen segments (positions in overlap.keys) that share customers, closest first. */
export function pairs(overlap: Overlap, chosen: readonly number[]): Pair[] {
  const found: Pair[] = [];
  chosen.forEach((first, at) => {
    for (const second of chosen.slice(at + 1)) {
      const both = inBoth(overlap, first, second);
      if (both > 0) found.push({ first, second, both, jaccard: jaccard(overlap, first, second) });
    }
  });
  return found.sort((a, b) => b.jaccard - a.jaccard || b.both - a.both);
}

/** Largest first; equal ones keep the model's order. */
export function largest(segments: readonly Segment[], count: number): Segment[] {
  return [...segments].sort((a, b) => b.size - a.size).slice(0, count);
}

/** Without the last period where it has only begun and nobody has been active in it. */
export function begunCohorts(cohorts: Cohorts): Cohorts {
  const isIdle = cohorts.rows.every((row) => row.counts.at(-1) === 0);
  if (cohorts.last_complete !== false || cohorts.rows.length === 0 || !isIdle) return cohorts;
  const rows = cohorts.rows.map((row) => ({ ...row, counts: row.counts.slice(0, -1) }));
  return { ...cohorts, last_complete: true, rows };
}

export interface RetentionColumn {
  active: number;
  size: number; // of the cohorts that have reached this period in full
}

/** For each period after the first: all cohorts together, unfinished periods left out. */
export function retention(cohorts: Cohorts): RetentionColumn[] {
  const unfinished = cohorts.last_complete === false ? 1 : 0;
  const width = Math.max(0, ...cohorts.rows.map((row) => row.counts.length));
  return Array.from({ length: width }, (_, period) => {
    const reached = cohorts.rows.filter((row) => period < row.counts.length - unfinished);
    return {
      active: reached.reduce((sum, row) => sum + (row.counts[period] ?? 0), 0),
      size: reached.reduce((sum, row) => sum + row.size, 0),
    };
  });
}

export interface TileRange {
  tile: number;
  from: number | null; // exclusive, or inclusive where whole
  to: number | null;
  empty: boolean; // equal bounds: no value can fall into it
}

/** What each tile of an axis spans. With `whole`, both ends are inclusive whole numbers. */
export function tileRanges(axis: RfmAxis, tiles: number, whole: boolean): TileRange[] {
  const upper = (tile: number) =>
    tile < tiles ? (axis.bounds[tile - 1] ?? null) : (axis.max ?? axis.bounds[tiles - 1] ?? null);
  return Array.from({ length: tiles }, (_, i) => {
    const tile = i + 1;
    const before = tile === 1 ? null : upper(tile - 1);
    const to = upper(tile);
    if (!whole) {
      const empty = before !== null && to !== null && to <= before;
      return { tile, from: before ?? axis.min ?? null, to, empty };
    }
    const first = before === null ? (axis.min ?? null) : Math.floor(before) + 1;
    const last = to === null ? null : Math.floor(to);
    return { tile, from: first, to: last, empty: first !== null && last !== null && last < first };
  });
}

export function rfmCell(cells: readonly RfmCell[], recency: number, frequency: number): RfmCell {
  return (
    cells.find((cell) => cell.recency === recency && cell.frequency === frequency) ?? {
      recency,
      frequency,
      customers: 0,
      value: 0,
      mean: null,
    }
  );
}

export interface PlottedBin {
  from: number;
  to: number; // where it is drawn to
  count: number;
  open: boolean; // wider than drawn: it holds the rest
}

/** Times and dates as milliseconds, numbers as they are, null for what has no place on an axis. */
export function place(value: Scalar | null | undefined): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return null;
  const time = Date.parse(value);
  return Number.isNaN(time) ? null : time;
}

/**
 * Bins on an axis: a wide last one is drawn as wide as the others, and whole numbers one by one are
 * centred on theirs.
 */
export function plottedBins(metric: Metric): PlottedBin[] {
  const bins = metric.histogram ?? [];
  const width = bins.length > 1 ? (place(bins[0]?.to) ?? 0) - (place(bins[0]?.from) ?? 0) : 0;
  const shift = metric.type === 'integer' && width === 1 ? 0.5 : 0;
  return bins.flatMap((bin, i) => {
    const from = place(bin.from);
    const to = place(bin.to);
    if (from === null || to === null) return [];
    const open = i > 0 && i === bins.length - 1 && width > 0 && to - from > width * 1.5;
    const end = open ? from + width : to;
    return [{ from: from - shift, to: end - shift, count: bin.count, open }];
  });
}

export interface Scale {
  min: number;
  max: number;
  step: number;
}

/** A scale of round steps that holds all values and 0; `whole` where only whole numbers make sense. */
export function roundScale(values: readonly number[], whole = false, steps = 5): Scale {
  const high = Math.max(0, ...values);
  const low = Math.min(0, ...values);
  if (high === low) return { min: 0, max: 1, step: 1 };
  const raw = (high - low) / steps;
  const power = 10 ** Math.floor(Math.log10(raw));
  const fine = ([1, 2, 2.5, 5, 10].find((times) => times * power >= raw) ?? 10) * power;
  const step = whole ? Math.max(1, Math.ceil(fine)) : fine;
  return { min: Math.floor(low / step) * step, max: Math.ceil(high / step) * step, step };
}

/** Moves positions apart, as little as it can, so that neighbours are `gap` apart below `end`. */
export function spread(positions: readonly number[], gap: number, end: number): number[] {
  const order = positions.map((at, i) => ({ at, i })).sort((a, b) => a.at - b.at);
  const placed = order.map((one) => one.at);
  for (let i = 1; i < placed.length; i++)
    placed[i] = Math.max(placed[i] ?? 0, (placed[i - 1] ?? 0) + gap);
  for (let i = placed.length - 1, limit = end; i >= 0; i--, limit -= gap)
    placed[i] = Math.min(placed[i] ?? 0, limit);
  const result = [...positions];
  order.forEach((one, i) => (result[one.i] = placed[i] ?? one.at));
  return result;
}
