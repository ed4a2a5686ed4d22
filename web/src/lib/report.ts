// The report document as TypeScript sees it. The contract is spec/report.schema.json.

export type Scalar = number | string | boolean;
/** ISO 8601 with an offset. */
export type Instant = string;

export interface Meta {
  name: string;
  now: Instant;
  now_kind?: 'wall clock' | 'time' | 'last event';
  timezone: string;
  country?: string;
  currency: string;
  generated_at: Instant;
  version: string;
  duckdb_version?: string;
  tz_version?: string;
  model_hash?: string;
  fit_version?: number | null;
}

export interface EventType {
  name: string;
  events: number;
  customers: number;
  first: Instant | null;
  last: Instant | null;
}

export interface MonthActivity {
  month: string;
  events: number;
  customers: number;
}

export interface DataSummary {
  events: number;
  customers: number;
  first_event: Instant | null;
  last_event: Instant | null;
  value: number | null;
  value_expression?: string;
  value_words?: string;
  event_types: EventType[];
  months?: MonthActivity[];
}

export interface Segment {
  key: string;
  name: string;
  kind?: 'expression' | 'list';
  size: number;
  share: number;
  value: number | null;
  value_share: number | null;
  mean: number | null;
  goal?: string;
  owner?: string;
  review?: string | null;
  review_overdue?: boolean;
  polarity?: 'positive' | 'negative' | 'neutral' | '';
  words: string;
  source: string;
  line?: number;
}

export interface HistoryInstant {
  at: Instant;
  month: string;
  is_now?: boolean;
}

export interface HistorySeries {
  key: string;
  sizes: number[];
  values: (number | null)[] | null;
}

export interface History {
  instants: HistoryInstant[];
  customers: number[];
  values?: (number | null)[] | null;
  series: HistorySeries[];
}

export interface Overlap {
  keys: string[];
  counts: number[][];
}

export interface RfmAxis {
  metric: string;
  bounds: number[];
  min?: number | null;
  max?: number | null;
}

export interface RfmCell {
  recency: number;
  frequency: number;
  customers: number;
  value: number | null;
  mean: number | null;
}

export interface Rfm {
  tiles: number;
  recency: RfmAxis;
  frequency: RfmAxis;
  customers?: number;
  cells: RfmCell[];
}

export type CohortUnit = 'day' | 'week' | 'month' | 'quarter' | 'year';

export interface CohortRow {
  cohort: string;
  size: number;
  counts: number[];
}

export interface Cohorts {
  unit: CohortUnit;
  event: string;
  last_complete?: boolean;
  left_out?: number;
  rows: CohortRow[];
}

export interface Bin {
  from: Scalar;
  to: Scalar;
  count: number;
}

export interface Metric {
  name: string;
  source?: string;
  words?: string;
  type: string;
  is_money?: boolean;
  count: number;
  nulls: number;
  distinct?: number | null;
  min?: Scalar | null;
  max?: Scalar | null;
  mean?: number | null;
  quantiles?: { p: number; value: Scalar | null }[];
  histogram?: Bin[];
  top?: { value: string; count: number }[];
}

export interface ConcentrationTop {
  share: number;
  customers: number;
  value: number;
  value_share: number;
}

export interface Concentration {
  points: { customers: number; value: number }[];
  top: ConcentrationTop[];
  half?: number | null;
  gini?: number | null;
  without_value?: number;
}

export interface Finding {
  reason: string;
  rows: number;
  examples?: string[];
}

export interface Rejected {
  property: string;
  type: string;
  reason?: string;
  count: number;
  examples?: string[];
}

export interface Column {
  name: string;
  type: string;
  nulls?: number;
  distinct?: number | null;
  rejected?: number;
  min?: Scalar | null;
  max?: Scalar | null;
  examples?: string[];
}

export interface SourceReport {
  source: string;
  kind?: 'events' | 'traits';
  from?: string;
  files?: number;
  format?: string;
  imported_at?: Instant;
  rows: number;
  events: number;
  left_out?: Finding[];
  rejected?: Rejected[];
  duplicates?: number;
  notes?: Finding[];
  columns?: Column[];
}

export interface CatalogEvent {
  event: string;
  events: number;
  properties: Column[];
}

export interface Quality {
  sources: SourceReport[];
  catalog: CatalogEvent[];
}

export interface Report {
  krets_report: 1;
  meta: Meta;
  data: DataSummary;
  segments: Segment[];
  history: History | null;
  overlap: Overlap | null;
  rfm: Rfm | null;
  cohorts: Cohorts | null;
  metrics: Metric[];
  concentration: Concentration | null;
  quality: Quality;
}

export type Reading = { report: Report } | { problem: string };

/** Reads the embedded document; a problem is a sentence for the reader. */
export function readReport(text: string): Reading {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return {
      problem: 'The data in this file are damaged. Run “krets run” again to make a new one.',
    };
  }
  if (typeof document !== 'object' || document === null || !('krets_report' in document))
    return { problem: 'This page has no data yet. “krets run” writes a report into it.' };
  if (document.krets_report !== 1)
    return { problem: 'The data in this file are of another version of Krets than the page.' };
  return { report: document as Report };
}
