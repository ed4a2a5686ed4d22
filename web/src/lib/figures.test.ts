import { describe, expect, test } from 'vitest';
import {
  begunCohorts,
  inBoth,
  jaccard,
  largest,
  pairs,
  plottedBins,
  retention,
  rfmCell,
  roundScale,
  spread,
  tileRanges,
} from './figures.ts';
import type { Cohorts, Metric, Overlap, Segment } from './report.ts';

const overlap: Overlap = { keys: ['a', 'b', 'c'], counts: [[10], [4, 6], [0, 0, 0]] };

describe('overlap', () => {
  test('the triangle is read from both sides', () => {
    expect([inBoth(overlap, 0, 1), inBoth(overlap, 1, 0)]).toEqual([4, 4]);
  });

  test('jaccard is both over either, and 0 for empty segments', () => {
    expect(jaccard(overlap, 0, 1)).toBeCloseTo(4 / 12, 10);
    expect(jaccard(overlap, 2, 2)).toBe(0);
    expect(jaccard(overlap, 0, 0)).toBe(1);
  });

  test('only pairs that share customers are listed, the closest first', () => {
    const four: Overlap = { keys: [], counts: [[10], [4, 6], [0, 0, 0], [1, 5, 0, 5]] };
    expect(pairs(four, [0, 1, 2, 3]).map((pair) => [pair.first, pair.second])).toEqual([
      [1, 3],
      [0, 1],
      [0, 3],
    ]);
  });
});

test('the largest segments come first and ties keep their order', () => {
  const sizes = [3, 9, 9, 1].map((size, i) => ({ key: `s${i}`, size }) as Segment);
  expect(largest(sizes, 3).map((segment) => segment.key)).toEqual(['s1', 's2', 's0']);
});

describe('retention', () => {
  const cohorts: Cohorts = {
    unit: 'month',
    event: 'order',
    last_complete: false,
    rows: [
      { cohort: '2025-01', size: 10, counts: [10, 4, 1] },
      { cohort: '2025-02', size: 20, counts: [20, 3] },
      { cohort: '2025-03', size: 5, counts: [5] },
    ],
  };

  test('unfinished periods are left out of the whole', () => {
    expect(retention(cohorts)).toEqual([
      { active: 30, size: 30 },
      { active: 4, size: 10 },
      { active: 0, size: 0 },
    ]);
  });

  test('a period that nobody has been active in yet is not shown', () => {
    const idle = { ...cohorts, rows: cohorts.rows.slice(0, 2) };
    expect(begunCohorts(idle)).toBe(idle);
    idle.rows = idle.rows.map((row) => ({ ...row, counts: [...row.counts, 0] }));
    expect(begunCohorts(idle)).toMatchObject({
      last_complete: true,
      rows: [{ counts: [10, 4, 1] }, { counts: [20, 3] }],
    });
    expect(begunCohorts({ ...idle, last_complete: true }).rows[0]?.counts).toHaveLength(4);
  });

  test('finished ones all count', () => {
    expect(retention({ ...cohorts, last_complete: true })[1]).toEqual({ active: 7, size: 30 });
  });
});

describe('tiles', () => {
  test('whole numbers have inclusive ends, and equal bounds leave a tile empty', () => {
    const axis = { metric: 'frequency', bounds: [1, 1, 2, 3.4], min: 1, max: 35 };
    expect(
      tileRanges(axis, 5, true).map((range) => (range.empty ? null : [range.from, range.to])),
    ).toEqual([[1, 1], null, [2, 2], [3, 3], [4, 35]]);
  });

  test('other numbers go from bound to bound', () => {
    const axis = { metric: 'recency', bounds: [10.5, 20, 30, 40, 50], min: 0, max: null };
    expect(tileRanges(axis, 5, false).map((range) => [range.from, range.to])).toEqual([
      [0, 10.5],
      [10.5, 20],
      [20, 30],
      [30, 40],
      [40, 50],
    ]);
  });

  test('with one customer only the first tile is not empty', () => {
    const axis = { metric: 'recency', bounds: [3.5, 3.5, 3.5, 3.5, 3.5], min: 3.5, max: 3.5 };
    expect(tileRanges(axis, 5, false).map((range) => range.empty)).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
  });

  test('a cell left out has no customers', () => {
    expect(rfmCell([], 2, 3)).toMatchObject({ recency: 2, frequency: 3, customers: 0 });
  });
});

describe('bins', () => {
  const metric = (type: string, bins: [number | string, number | string, number][]): Metric => ({
    name: 'm',
    type,
    count: 1,
    nulls: 0,
    histogram: bins.map(([from, to, count]) => ({ from, to, count })),
  });

  test('a wide last bin is drawn as wide as the others and marked open', () => {
    expect(
      plottedBins(
        metric('number', [
          [0, 10, 5],
          [10, 20, 3],
          [20, 400, 1],
        ]),
      ).at(-1),
    ).toEqual({ from: 20, to: 30, count: 1, open: true });
  });

  test('whole numbers stand over their tick', () => {
    expect(
      plottedBins(
        metric('integer', [
          [0, 1, 5],
          [1, 2, 3],
        ]),
      )[0],
    ).toMatchObject({ from: -0.5, to: 0.5 });
  });

  test('dates have a place on the axis, other texts have none', () => {
    const [bin] = plottedBins(metric('date', [['2025-01-01', '2025-02-01', 4]]));
    expect(bin?.to).toBe(Date.parse('2025-02-01'));
    expect(plottedBins(metric('text', [['x', 'y', 4]]))).toEqual([]);
  });
});

describe('scales', () => {
  test('steps are round and hold everything', () => {
    expect(roundScale([1080, 3])).toEqual({ min: 0, max: 1250, step: 250 });
    expect(roundScale([0.42])).toMatchObject({ min: 0, max: 0.5, step: 0.1 });
    expect(roundScale([-30, 70])).toEqual({ min: -40, max: 80, step: 20 });
  });

  test('there is one for nothing at all, and whole ones for customers', () => {
    expect(roundScale([])).toEqual({ min: 0, max: 1, step: 1 });
    expect(roundScale([1], true)).toEqual({ min: 0, max: 1, step: 1 });
  });

  test('labels are moved apart but not below the end', () => {
    expect(spread([50, 10, 12, 49], 15, 60)).toEqual([60, 10, 25, 45]);
    expect(spread([10, 40], 15, 60)).toEqual([10, 40]);
  });
});
